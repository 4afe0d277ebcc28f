#pragma once

#include "base/authority.hpp"
#include "base/result.hpp"
#include "base/unique_function.hpp"
#include "outbound/guard.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kheish::outbound {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
    std::string kind; ///< of the external action: "model_call", ...
    std::string key;  ///< names the attempt in the record
    Authority authority = Authority::of(Principal::daemon());
    std::string method = "POST";
    std::string url;
    Reach reach = Reach::global;
    HeaderList headers; ///< may hold secrets: they go on the wire and nowhere else
    std::string body;
    std::chrono::milliseconds connect_timeout{10'000};
    std::chrono::milliseconds head_timeout{120'000}; ///< from the start to the answer's head
    std::chrono::milliseconds idle_timeout{120'000}; ///< between two pieces of the body
    std::chrono::milliseconds total_timeout{3'600'000};
    std::int64_t response_limit_bytes = std::int64_t{64} << 20;
};

struct HttpHead {
    int status = 0;
    HeaderList headers; ///< names in lower case

    /// The first header of that (lower-case) name.
    std::optional<std::string> header(std::string_view name) const;
};

/// Why there is no complete answer.
struct TransportError {
    enum class Kind {
        refused,    ///< by the guard: nothing was sent
        unrecorded, ///< the action could not be recorded: nothing was sent
        resolve,    ///< no address for the host
        connect,    ///< no connection
        tls,        ///< the peer's certificate or handshake is no good
        timeout,    ///< one of the request's timeouts
        cut,        ///< the connection ended before the answer did
        too_large,  ///< more than response_limit_bytes
        protocol,   ///< the answer is no HTTP
    };
    Kind kind = Kind::protocol;
    std::string message; ///< bounded, without secrets
};

/// A request under way. Destroying it aborts the request: no handler is called after that.
class HttpCall {
  public:
    HttpCall() = default;
    HttpCall(const HttpCall&) = delete;
    HttpCall& operator=(const HttpCall&) = delete;
    virtual ~HttpCall() = default;
};

/// None is called from within start(). The HttpCall may be destroyed in each of them.
struct HttpHandlers {
    UniqueFunction<void(const HttpHead&)> on_head; ///< once, before the body
    UniqueFunction<void(std::string_view)> on_body;
    /// The end, once and last: success after a complete answer, whatever its status.
    UniqueFunction<void(tl::expected<void, TransportError>)> on_finished;
};

/// Makes HTTP requests, each guarded, and recorded as an external action before it is sent. No
/// redirect is followed, no proxy and no netrc of the environment is used, TLS is always verified.
class HttpClient {
  public:
    HttpClient() = default;
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;
    virtual ~HttpClient() = default;

    [[nodiscard]] virtual std::unique_ptr<HttpCall>
    start(HttpRequest request, HttpHandlers handlers) = 0;
};

} // namespace kheish::outbound
