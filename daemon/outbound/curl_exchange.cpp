#include "outbound/curl_exchange.hpp"

#include "base/assert.hpp"
#include "base/text.hpp"
#include "codec/ascii.hpp"

#include <algorithm>
#include <utility>

namespace kheish::outbound {

namespace {

using codec::lower_case;
using codec::trim;

constexpr std::size_t kHeadLimitBytes = std::size_t{64} << 10U;
constexpr std::size_t kErrorTextLimitBytes = 300;

TransportError::Kind kind_of(CURLcode code) {
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return TransportError::Kind::resolve;
    case CURLE_COULDNT_CONNECT:
        return TransportError::Kind::connect;
    case CURLE_OPERATION_TIMEDOUT:
        return TransportError::Kind::timeout;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_USE_SSL_FAILED:
        return TransportError::Kind::tls;
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return TransportError::Kind::cut;
    default:
        return TransportError::Kind::protocol;
    }
}

/// A list with one more line; the old list where there is no memory for it.
void append_line(loop::CurlList& list, const std::string& line) {
    curl_slist* const longer = curl_slist_append(list.get(), line.c_str());
    KHEISH_ASSERT(longer != nullptr);
    (void)list.release(); // longer holds it
    list.reset(longer);
}

} // namespace

std::optional<std::string> HttpHead::header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
        if (key == name)
            return value;
    }
    return std::nullopt;
}

void CurlHttpClient::Exchange::begin() {
    if (over_)
        return;
    Result<Target> target = check_url(request_.url, request_.reach);
    Status headers = check_headers();
    if (!target || !headers) {
        fail_with(
            TransportError::Kind::refused,
            target ? headers.error().message : target.error().message);
        return;
    }
    target_ = std::move(*target);
    ExternalAction action{
        .kind = request_.kind,
        .key = request_.key,
        .target = request_.method + " " + target_.display,
        .authority = request_.authority,
        .request_digest = codec::sha256(request_.body)};
    // The record may outlive the exchange: an action that was begun for nobody is ended here.
    client_.actions_.begin(
        std::move(action),
        Responder<ExternalActionId>(
            [weak = weak_from_this(), &actions = client_.actions_](Result<ExternalActionId> id) {
                if (const std::shared_ptr<Exchange> self = weak.lock(); self && !self->over_)
                    self->on_recorded(std::move(id));
                else if (id)
                    actions.end(
                        *id,
                        {.kind = ExternalOutcome::Kind::aborted,
                         .response_digest = codec::sha256(""),
                         .error = "given up before it was sent"});
            }));
}

Status CurlHttpClient::Exchange::check_headers() const {
    for (const auto& [name, value] : request_.headers) {
        const bool named = !name.empty() && name.find_first_of(": \t\r\n") == std::string::npos;
        if (!named || trim(value).empty() || value.find_first_of("\r\n") != std::string::npos)
            return fail(Errc::invalid_argument, "a request header is malformed");
    }
    return {};
}

void CurlHttpClient::Exchange::on_recorded(Result<ExternalActionId> id) {
    if (!id) {
        fail_with(TransportError::Kind::unrecorded, id.error().message);
        return;
    }
    action_ = *id;
    loop::CurlEasy easy(curl_easy_init());
    Status ready = easy ? set_up(easy.get()) : fail(Errc::internal, "no memory for libcurl");
    if (ready) {
        Result<std::unique_ptr<loop::CurlPump::Transfer>> started = client_.pump_.start(
            std::move(easy), shared_from_this(), [this](CURL*, CURLcode code) { on_done(code); });
        if (started)
            transfer_ = std::move(*started);
        else
            ready = fail(started.error());
    }
    if (!ready) {
        fail_with(TransportError::Kind::refused, ready.error().message);
        return;
    }
    watch_idle(request_.head_timeout, "no answer came in time");
    total_timer_ = client_.timers_.start(request_.total_timeout, [this] {
        fail_with(TransportError::Kind::timeout, "the answer took too long in all");
    });
}

Status CurlHttpClient::Exchange::set_up(CURL* easy) {
    bool ok = true;
    const auto set = [easy, &ok](CURLoption option, auto value) {
        ok = curl_easy_setopt(easy, option, value) == CURLE_OK && ok;
    };
    set(CURLOPT_URL, request_.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    set(CURLOPT_PROXY, ""); // "" also shuts out the proxies of the environment
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_QUICK_EXIT, 1L); // an abort does not wait for the resolver's thread
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_USERAGENT, "kheish/" KHEISH_VERSION);
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request_.connect_timeout.count()));
    set(CURLOPT_ERRORBUFFER, error_text_.data());
    set(CURLOPT_HEADERFUNCTION, on_header);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_WRITEFUNCTION, on_write);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    set(CURLOPT_OPENSOCKETDATA, this);
    if (!client_.options_.ca_file.empty())
        set(CURLOPT_CAINFO, client_.options_.ca_file.c_str());
    if (!ok)
        return fail(Errc::internal, "libcurl refuses an option that kheish needs");
    for (const auto& [name, value] : request_.headers)
        append_line(header_lines_, std::string(name).append(": ").append(value));
    append_line(header_lines_, "Expect:"); // no waiting for 100 Continue
    set(CURLOPT_HTTPHEADER, header_lines_.get());
    set_up_body(easy);
    return {};
}

void CurlHttpClient::Exchange::set_up_body(CURL* easy) {
    if (!request_.body.empty() || request_.method == "POST") {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(
            easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request_.body.data());
    }
    if (request_.method == "HEAD")
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
}

curl_socket_t CurlHttpClient::Exchange::on_open_socket(
    void* self, curlsocktype, curl_sockaddr* address) noexcept {
    Exchange& exchange = *static_cast<Exchange*>(self);
    // Here and not when the name is looked up: what is judged is what is connected to.
    const Status allowed = check_address(exchange.target_, address->addr, exchange.request_.reach);
    if (!allowed) {
        exchange.refusal_ = allowed.error().message;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

std::size_t CurlHttpClient::Exchange::on_header(
    char* data, std::size_t one, std::size_t count, void* self) noexcept {
    const std::size_t size = one * count;
    return static_cast<Exchange*>(self)->take_head_line({data, size}) ? size : 0;
}

std::size_t CurlHttpClient::Exchange::on_write(
    char* data, std::size_t one, std::size_t count, void* self) noexcept {
    const std::size_t size = one * count;
    return static_cast<Exchange*>(self)->take_body({data, size}) ? size : 0;
}

bool CurlHttpClient::Exchange::take_head_line(std::string_view line) {
    if (over_)
        return false;
    if (head_complete_)
        return true; // a trailer
    head_bytes_ += line.size();
    if (head_bytes_ > kHeadLimitBytes) {
        failure_ = {TransportError::Kind::too_large, "the answer's head is too long"};
        return false;
    }
    const std::string_view text = trim(line);
    if (text.starts_with("HTTP/")) {
        const std::size_t space = std::min(text.find(' '), text.size());
        const std::string_view status = text.substr(std::min(space + 1, text.size()), 3);
        head_ = {.status = parse_number<int>(status).value_or(0), .headers = {}};
        return true;
    }
    if (!text.empty()) {
        const std::size_t colon = std::min(text.find(':'), text.size());
        head_.headers.emplace_back(
            lower_case(trim(text.substr(0, colon))),
            trim(text.substr(std::min(colon + 1, text.size()))));
        return true;
    }
    if (head_.status < 200)
        return true; // an interim answer: the next head replaces it
    head_complete_ = true;
    watch_idle(request_.idle_timeout, "the answer stopped coming");
    if (handlers_.on_head)
        handlers_.on_head(head_);
    return !over_;
}

bool CurlHttpClient::Exchange::take_body(std::string_view bytes) {
    if (over_)
        return false;
    body_bytes_ += static_cast<std::int64_t>(bytes.size());
    body_digest_.update(bytes);
    if (body_bytes_ > request_.response_limit_bytes) {
        failure_ = {
            TransportError::Kind::too_large,
            "the answer is longer than " + std::to_string(request_.response_limit_bytes) +
                " bytes"};
        return false;
    }
    watch_idle(request_.idle_timeout, "the answer stopped coming");
    if (handlers_.on_body)
        handlers_.on_body(bytes);
    return !over_;
}

void CurlHttpClient::Exchange::watch_idle(std::chrono::milliseconds timeout, const char* message) {
    idle_timer_ = client_.timers_.start(
        timeout, [this, message] { fail_with(TransportError::Kind::timeout, message); });
}

void CurlHttpClient::Exchange::on_done(CURLcode code) {
    if (code == CURLE_OK) {
        finish({});
    } else if (failure_) {
        finish(tl::unexpected(*failure_));
    } else if (code == CURLE_COULDNT_CONNECT && !refusal_.empty()) {
        fail_with(TransportError::Kind::refused, refusal_);
    } else {
        const std::string_view detail(error_text_.data());
        fail_with(
            kind_of(code),
            target_.display + ": " +
                to_valid_utf8(detail.empty() ? curl_easy_strerror(code) : detail));
    }
}

void CurlHttpClient::Exchange::fail_with(TransportError::Kind kind, std::string_view message) {
    finish(tl::unexpected(
        TransportError{kind, std::string(truncate_utf8(message, kErrorTextLimitBytes))}));
}

void CurlHttpClient::Exchange::finish(Finished result) {
    const std::shared_ptr<Exchange> self = shared_from_this(); // the handler may end the call
    const ExternalOutcome::Kind kind =
        result ? ExternalOutcome::Kind::answered : ExternalOutcome::Kind::failed;
    if (!settle(kind, result ? std::string() : result.error().message))
        return;
    if (handlers_.on_finished)
        handlers_.on_finished(std::move(result));
}

void CurlHttpClient::Exchange::abandon() {
    (void)settle(ExternalOutcome::Kind::aborted, "given up"); // false: it was over already
}

/// Ends the exchange and its record, once; false where it was over.
bool CurlHttpClient::Exchange::settle(ExternalOutcome::Kind kind, std::string error) {
    if (std::exchange(over_, true))
        return false;
    idle_timer_.reset();
    total_timer_.reset();
    transfer_.reset();
    if (action_)
        client_.actions_.end(
            *action_,
            {.kind = kind,
             .status = head_.status,
             .response_bytes = body_bytes_,
             .response_digest = body_digest_.finish(),
             .error = std::move(error)});
    client_.exchange_over();
    return true;
}

} // namespace kheish::outbound
