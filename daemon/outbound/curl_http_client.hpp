#pragma once

#include "base/timers.hpp"
#include "loop/curl_pump.hpp"
#include "outbound/external_action.hpp"
#include "outbound/http_client.hpp"

#include <string>

namespace kheish::outbound {

/// HttpClient on libcurl. libcurl is set up by the first request; once no request has run for
/// kIdleRelease its connections and certificates are freed and the heap is trimmed, so that an idle
/// daemon stays small.
class CurlHttpClient final : public HttpClient {
  public:
    static constexpr std::chrono::seconds kIdleRelease{60};

    struct Options {
        std::string ca_file; ///< PEM file of trusted issuers; empty is the system's
    };

    /// Everything passed outlives the client; the client outlives its calls.
    CurlHttpClient(loop::Loop& loop, Timers& timers, ExternalActions& actions, Options options);
    ~CurlHttpClient() override;

    [[nodiscard]] std::unique_ptr<HttpCall>
    start(HttpRequest request, HttpHandlers handlers) override;

  private:
    class Exchange;
    class CurlCall;
    void exchange_over();
    void release_idle();

    loop::Loop& loop_;
    Timers& timers_;
    ExternalActions& actions_;
    Options options_;
    loop::CurlPump pump_;
    std::int64_t live_ = 0;
    std::unique_ptr<Timer> idle_timer_;
};

} // namespace kheish::outbound
