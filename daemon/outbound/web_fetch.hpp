#pragma once

#include "base/authority.hpp"
#include "base/unique_function.hpp"
#include "codec/url.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

/// Pages of the web, for runs.
namespace kheish::outbound {

struct WebRequest {
    std::string key; ///< names the attempt in the record: "run-7/call-1-0/execution-1"
    Authority authority = Authority::of(Principal::daemon());
    codec::Url url;
    std::int64_t offset = 0; ///< bytes of the page's text that are passed over
    std::int64_t text_limit_bytes = 0;
    std::int64_t body_limit_bytes = 0;
    int redirects = 0;                         ///< followed at most, all on one host
    std::chrono::milliseconds timeout{60'000}; ///< of each request that it takes
};

/// What is told of a page, or why there is none.
struct WebAnswer {
    enum class Kind { ok, failed, timed_out };
    Kind kind = Kind::failed;
    std::string text;       ///< UTF-8, for the model
    bool truncated = false; ///< there is more text than this
};

/// A page under way. Destroying it gives it up: no answer comes after that.
class WebCall {
  public:
    WebCall() = default;
    WebCall(const WebCall&) = delete;
    WebCall& operator=(const WebCall&) = delete;
    virtual ~WebCall() = default;
};

/// Gets pages for whoever has been permitted to see `url`. Only its host is asked: where the page
/// has moved to another one, the answer names it, so that each host is permitted by itself.
class WebFetch {
  public:
    WebFetch() = default;
    WebFetch(const WebFetch&) = delete;
    WebFetch& operator=(const WebFetch&) = delete;
    virtual ~WebFetch() = default;

    /// `done` is called once, not from within start(). The WebCall may be destroyed in it.
    [[nodiscard]] virtual std::unique_ptr<WebCall>
    start(WebRequest request, UniqueFunction<void(WebAnswer)> done) = 0;
};

} // namespace kheish::outbound
