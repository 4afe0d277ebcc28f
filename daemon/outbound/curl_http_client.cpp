#include "outbound/curl_http_client.hpp"

#include "base/assert.hpp"
#include "outbound/curl_exchange.hpp"

#include <utility>

#include <malloc.h>

namespace kheish::outbound {

class CurlHttpClient::CurlCall final : public HttpCall {
  public:
    explicit CurlCall(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
    ~CurlCall() override { exchange_->abandon(); }

  private:
    std::shared_ptr<Exchange> exchange_;
};

CurlHttpClient::CurlHttpClient(
    loop::Loop& loop, Timers& timers, ExternalActions& actions, Options options)
    : loop_(loop), timers_(timers), actions_(actions), options_(std::move(options)), pump_(loop) {}

CurlHttpClient::~CurlHttpClient() {
    KHEISH_ASSERT(live_ == 0);
}

std::unique_ptr<HttpCall> CurlHttpClient::start(HttpRequest request, HttpHandlers handlers) {
    idle_timer_.reset();
    ++live_;
    const std::shared_ptr<Exchange> exchange =
        std::make_shared<Exchange>(*this, std::move(request), std::move(handlers));
    // In the next turn, so that no handler is called from within start().
    loop_.post([exchange] { exchange->begin(); });
    return std::make_unique<CurlCall>(exchange);
}

void CurlHttpClient::exchange_over() {
    if (--live_ == 0)
        idle_timer_ = timers_.start(kIdleRelease, [this] { release_idle(); });
}

void CurlHttpClient::release_idle() {
    pump_.release_idle();
    (void)malloc_trim(0); // whether anything was free is no matter
}

} // namespace kheish::outbound
