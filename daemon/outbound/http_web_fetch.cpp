#include "outbound/http_web_fetch.hpp"

#include "base/text.hpp"
#include "outbound/page_text.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace kheish::outbound {

namespace {

constexpr std::chrono::milliseconds kConnectTimeout{10'000};
constexpr std::size_t kShownTypeBytes = 100; ///< of a media type, which a stranger chooses
constexpr std::string_view kAccept = "text/html, text/plain, application/json;q=0.9, */*;q=0.1";

bool is_redirect(int status) {
    constexpr std::array<int, 5> kRedirects{301, 302, 303, 307, 308};
    return std::find(kRedirects.begin(), kRedirects.end(), status) != kRedirects.end();
}

/// Whether what was permitted for `from` is permitted for `to`: the same host and port, and never
/// without TLS after with it.
bool is_same_site(const codec::Url& from, const codec::Url& to) {
    const bool is_port = from.port == to.port || (from.has_default_port() && to.has_default_port());
    return from.host == to.host && is_port && (to.scheme == "https" || from.scheme == "http");
}

/// `text` from `offset` on, both ends between characters.
std::string_view part_of(std::string_view text, std::int64_t offset, std::int64_t limit) {
    const std::size_t begin =
        truncate_utf8(text, static_cast<std::size_t>(std::max<std::int64_t>(offset, 0))).size();
    return truncate_utf8(text.substr(begin), static_cast<std::size_t>(limit));
}

} // namespace

/// One page, from the first request to the answer.
class HttpWebFetch::Fetch final : public WebCall {
  public:
    Fetch(HttpWebFetch& fetches, WebRequest request, UniqueFunction<void(WebAnswer)> done)
        : fetches_(fetches), request_(std::move(request)), done_(std::move(done)),
          url_(request_.url) {}

    void ask() {
        body_.clear();
        head_ = {};
        HttpRequest request;
        request.kind = "web_fetch";
        request.key = request_.key;
        if (redirects_ > 0)
            request.key += "/redirect-" + std::to_string(redirects_);
        request.authority = request_.authority;
        request.method = "GET";
        request.url = url_.to_string();
        request.reach = fetches_.reach_of(url_);
        request.headers = {{"accept", std::string(kAccept)}};
        request.connect_timeout = std::min(kConnectTimeout, request_.timeout);
        request.head_timeout = request_.timeout;
        request.idle_timeout = request_.timeout;
        request.total_timeout = request_.timeout;
        request.response_limit_bytes = request_.body_limit_bytes;
        call_ = fetches_.client_.start(
            std::move(request),
            {.on_head = [this](const HttpHead& head) { on_head(head); },
             .on_body = [this](std::string_view bytes) { body_ += bytes; },
             .on_finished =
                 [this](const tl::expected<void, TransportError>& result) {
                     on_finished(result);
                 }});
    }

  private:
    void on_head(const HttpHead& head) {
        head_ = head;
        if (is_redirect(head.status))
            return redirect();
        if (const std::optional<std::string> coding = head.header("content-encoding");
            coding && *coding != "identity")
            return fail_with("is compressed, which was not asked for");
        content_ = parse_content_type(head.header("content-type").value_or(""));
        if (!may_be_text(content_))
            fail_with(
                "is " + escape_for_display(content_.type.substr(0, kShownTypeBytes)) +
                ", which is no text");
    }

    void redirect() {
        const std::optional<std::string> location = head_.header("location");
        const Result<std::string> absolute =
            location ? resolve_url(url_.to_string(), *location)
                     : Result<std::string>(fail(Errc::bad_request, "without saying where"));
        const Result<codec::Url> next =
            absolute ? codec::parse_url(*absolute) : Result<codec::Url>(fail(absolute.error()));
        if (!next)
            return fail_with("has moved to where nobody can follow: " + next.error().message);
        if (!is_same_site(url_, *next))
            return fail_with(
                "has moved to another place: " + next->to_string() +
                "\nFetch that address if you want it.");
        if (++redirects_ > request_.redirects)
            return fail_with("leads from one address to the next without end");
        url_ = *next;
        ask();
    }

    void on_finished(const tl::expected<void, TransportError>& result) {
        if (!result) {
            const bool is_late = result.error().kind == TransportError::Kind::timeout;
            return answer(
                is_late ? WebAnswer::Kind::timed_out : WebAnswer::Kind::failed,
                url_.to_string() + ": " + result.error().message);
        }
        const Result<std::string> text = text_of_page(body_, content_);
        if (!text)
            return fail_with(text.error().message);
        const bool is_error = head_.status < 200 || head_.status > 299;
        const std::string_view part = part_of(*text, request_.offset, request_.text_limit_bytes);
        const auto end = static_cast<std::size_t>(part.data() - text->data()) + part.size();
        std::string told = url_.to_string() + " (HTTP " + std::to_string(head_.status) + ")\n\n";
        told += part;
        if (end < text->size())
            told += "\n[" + std::to_string(text->size() - end) + " more bytes: go on with offset " +
                    std::to_string(end) + "]";
        answer(
            is_error ? WebAnswer::Kind::failed : WebAnswer::Kind::ok,
            std::move(told),
            end < text->size());
    }

    void fail_with(const std::string& what) {
        answer(WebAnswer::Kind::failed, url_.to_string() + " " + what);
    }

    /// The caller may destroy this in it.
    void answer(WebAnswer::Kind kind, std::string text, bool truncated = false) {
        call_.reset();
        UniqueFunction<void(WebAnswer)> done = std::move(done_);
        done({.kind = kind, .text = std::move(text), .truncated = truncated});
    }

    HttpWebFetch& fetches_;
    WebRequest request_;
    UniqueFunction<void(WebAnswer)> done_;
    codec::Url url_; ///< asked now
    int redirects_ = 0;
    HttpHead head_;
    ContentType content_;
    std::string body_;
    std::unique_ptr<HttpCall> call_;
};

std::unique_ptr<WebCall>
HttpWebFetch::start(WebRequest request, UniqueFunction<void(WebAnswer)> done) {
    auto fetch = std::make_unique<Fetch>(*this, std::move(request), std::move(done));
    fetch->ask();
    return fetch;
}

Reach HttpWebFetch::reach_of(const codec::Url& url) const {
    const bool is_internal =
        std::any_of(internal_.begin(), internal_.end(), [&url](const codec::HostPattern& pattern) {
            return codec::covers(pattern, url);
        });
    return is_internal ? Reach::configured : Reach::global;
}

} // namespace kheish::outbound
