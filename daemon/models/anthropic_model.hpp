#pragma once

#include "base/clock.hpp"
#include "base/secret.hpp"
#include "base/timers.hpp"
#include "base/unique_function.hpp"
#include "models/model.hpp"
#include "outbound/http_client.hpp"

#include <string>

namespace kheish::models {

/// The `anthropic` driver: Messages API, version 2023-06-01, streaming.
///
/// Errors: what the transport says (CallError::Kind::network, timeout, protocol, unrecorded), what
/// the API answers (by status and error type, with Retry-After), and `network` for a stream that
/// ends before message_stop.
class AnthropicModel final : public Model {
  public:
    struct Options {
        std::string base_url; ///< empty is kDefaultBaseUrl; "/v1/messages" is appended
        /// Asked at each call; goes into the x-api-key header and nowhere else. An error is
        /// CallError::Kind::authentication.
        UniqueFunction<Result<Secret>()> api_key;
        std::chrono::milliseconds head_timeout{120'000};
        std::chrono::milliseconds idle_timeout{120'000}; ///< pings come more often
        std::chrono::milliseconds total_timeout{3'600'000};
    };
    static constexpr std::string_view kDefaultBaseUrl = "https://api.anthropic.com";
    static constexpr std::size_t kErrorBodyLimitBytes = std::size_t{64} << 10U;

    /// `client`, `clock` and `timers` outlive the model and its calls.
    AnthropicModel(
        outbound::HttpClient& client, const Clock& clock, Timers& timers, Options options);

    [[nodiscard]] std::unique_ptr<Call>
    call(Request request, std::string idempotency_key, CallHandlers handlers) override;

  private:
    outbound::HttpClient& client_;
    const Clock& clock_;
    Timers& timers_;
    Options options_;
};

} // namespace kheish::models
