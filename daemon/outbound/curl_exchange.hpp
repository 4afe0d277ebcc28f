#pragma once

#include "outbound/curl_http_client.hpp"

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace kheish::outbound {

/// One request from its start to its end. libcurl keeps it alive while it may call it; the caller's
/// HttpCall ends it.
class CurlHttpClient::Exchange final : public std::enable_shared_from_this<Exchange> {
  public:
    Exchange(CurlHttpClient& client, HttpRequest request, HttpHandlers handlers)
        : client_(client), request_(std::move(request)), handlers_(std::move(handlers)) {}

    void begin();
    void abandon();

  private:
    using Finished = tl::expected<void, TransportError>;

    void on_recorded(Result<ExternalActionId> id);
    Status set_up(CURL* easy);
    void set_up_body(CURL* easy);
    void on_done(CURLcode code);
    void fail_with(TransportError::Kind kind, std::string_view message);
    void finish(Finished result);
    bool settle(ExternalOutcome::Kind kind, std::string error);
    bool take_head_line(std::string_view line);
    bool take_body(std::string_view bytes);
    void watch_idle(std::chrono::milliseconds timeout, const char* message);
    Status check_headers() const;

    static std::size_t
    on_header(char* data, std::size_t one, std::size_t count, void* self) noexcept;
    static std::size_t
    on_write(char* data, std::size_t one, std::size_t count, void* self) noexcept;
    static curl_socket_t
    on_open_socket(void* self, curlsocktype purpose, curl_sockaddr* address) noexcept;

    CurlHttpClient& client_;
    HttpRequest request_;
    HttpHandlers handlers_;
    Target target_;
    std::optional<ExternalActionId> action_;
    HttpHead head_;
    std::size_t head_bytes_ = 0;
    bool head_complete_ = false;
    bool over_ = false;
    std::int64_t body_bytes_ = 0;
    codec::Sha256 body_digest_;
    std::optional<TransportError> failure_; ///< why a callback has stopped the transfer
    std::string refusal_;                   ///< why an address was not connected to
    std::array<char, CURL_ERROR_SIZE> error_text_{};
    loop::CurlList header_lines_;
    std::unique_ptr<Timer> idle_timer_;
    std::unique_ptr<Timer> total_timer_;
    std::unique_ptr<loop::CurlPump::Transfer> transfer_;
};

} // namespace kheish::outbound
