#pragma once

#include "outbound/http_client.hpp"

#include <memory>
#include <vector>

namespace kheish::outbound {

/// Keeps what is asked for; the test plays the server by calling the handlers.
class FakeHttpClient final : public HttpClient {
  public:
    struct Exchange {
        HttpRequest request;
        HttpHandlers handlers;
        bool aborted = false;
    };

    [[nodiscard]] std::unique_ptr<HttpCall>
    start(HttpRequest request, HttpHandlers handlers) override {
        exchanges.push_back(
            std::make_shared<Exchange>(Exchange{std::move(request), std::move(handlers)}));
        return std::make_unique<FakeCall>(exchanges.back());
    }

    std::vector<std::shared_ptr<Exchange>> exchanges;

  private:
    class FakeCall final : public HttpCall {
      public:
        explicit FakeCall(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
        ~FakeCall() override { exchange_->aborted = true; }

      private:
        std::shared_ptr<Exchange> exchange_;
    };
};

} // namespace kheish::outbound
