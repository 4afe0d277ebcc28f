#include "http/request_parser.hpp"

#include "base/assert.hpp"
#include "base/text.hpp"
#include "http/limits.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <http_parser.h>

namespace kheish::http {

namespace {

/// Headers that say one thing; two of them could be read in two ways.
constexpr std::array<std::string_view, 9> kSingleHeaders{
    "host",
    "content-length",
    "transfer-encoding",
    "content-type",
    "expect",
    "authorization",
    "origin",
    "idempotency-key",
    "last-event-id",
};

bool is_token_character(char c) {
    constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
}

bool is_value_character(char c) {
    return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
}

std::string lower(std::string_view text) {
    std::string result(text);
    for (char& c : result)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    return result;
}

std::string_view trim(std::string_view text) {
    const std::size_t first = std::min(text.find_first_not_of(" \t"), text.size());
    text.remove_prefix(first);
    return text.substr(0, text.find_last_not_of(" \t") + 1);
}

/// http_parser on one whole head. It judges what the head says; framing the body is BodyReader's.
class HeadLibrary {
  public:
    explicit HeadLibrary(Request& request) : request_(request) {
        http_parser_init(&parser_, HTTP_REQUEST);
        http_parser_settings_init(&settings_);
        parser_.data = this;
        settings_.on_url = on_url;
        settings_.on_headers_complete = on_headers_complete;
    }
    /// An HTTP status and why, or 200.
    std::pair<int, std::string_view> run(std::string_view head) {
        (void)http_parser_execute(&parser_, &settings_, head.data(), head.size());
        const http_errno code = HTTP_PARSER_ERRNO(&parser_);
        if (code != HPE_OK && code != HPE_PAUSED)
            return {400, http_errno_description(code)};
        if (parser_.http_major != 1)
            return {505, "kheishd speaks HTTP/1.1 and HTTP/1.0"};
        return complete_ ? std::pair(200, std::string_view())
                         : std::pair(400, std::string_view("the head has no end"));
    }

  private:
    static int on_url(http_parser* parser, const char* data, std::size_t size) noexcept {
        static_cast<HeadLibrary*>(parser->data)->request_.target.append(data, size);
        return 0;
    }
    static int on_headers_complete(http_parser* parser) noexcept {
        HeadLibrary& self = *static_cast<HeadLibrary*>(parser->data);
        self.complete_ = true;
        Request& request = self.request_;
        request.method = http_method_str(static_cast<http_method>(parser->method));
        request.minor_version = parser->http_minor;
        request.keep_alive = http_should_keep_alive(parser) != 0;
        if ((parser->flags & F_CONTENTLENGTH) != 0)
            request.content_length = parser->content_length;
        request.chunked = (parser->flags & F_CHUNKED) != 0;
        // Nothing behind the head is for the library. That also passes over an offer to upgrade,
        // which means reading on as HTTP/1.1 (RFC 9110 7.8).
        http_parser_pause(parser, 1);
        return 0;
    }

    Request& request_;
    http_parser parser_{};
    http_parser_settings settings_{};
    bool complete_ = false;
};

} // namespace

std::size_t RequestParser::feed(std::string_view bytes) {
    if (state_ == State::head)
        return feed_head(bytes);
    return state_ == State::body ? feed_body(bytes) : 0;
}

void RequestParser::fail(int status, std::string_view detail) {
    problem_ = Problem::of_status(status, detail);
    state_ = State::failed;
}

std::size_t RequestParser::feed_head(std::string_view bytes) {
    std::size_t taken = 0;
    while (taken < bytes.size() && state_ == State::head) {
        const std::string_view rest = bytes.substr(taken);
        const std::size_t end = rest.find('\n');
        const std::size_t limit = request_line_ == 0
                                      ? kRequestLineLimitBytes
                                      : request_line_ + kHeaderLimitBytes - line_start_;
        const std::size_t part = end == std::string_view::npos ? rest.size() : end + 1;
        if (part > limit - std::min(limit, head_.size() - line_start_)) {
            if (request_line_ == 0)
                fail(414, "the request line is longer than 8192 bytes");
            else
                fail(431, "the headers are longer than 32768 bytes");
            return taken;
        }
        head_.append(rest.substr(0, part));
        taken += part;
        if (end == std::string_view::npos)
            break;
        const std::string_view line = std::string_view(head_).substr(line_start_);
        if (line.size() < 2 || line[line.size() - 2] != '\r')
            fail(400, "a line of the head ends without a carriage return");
        else if (take_line(line.substr(0, line.size() - 2)))
            finish_head();
    }
    return taken;
}

/// True where `line` was the empty one that ends the head.
bool RequestParser::take_line(std::string_view line) {
    if (request_line_ == 0 && line.empty()) {
        head_.clear();
        if (++empty_lines_ > kLeadingEmptyLineLimit)
            fail(400, "empty lines where a request line should be");
        return false;
    }
    if (line.empty())
        return true;
    line_start_ = head_.size();
    if (request_line_ != 0)
        return take_header(line);
    request_line_ = line_start_;
    // Said now, because what speaks another protocol may never send the rest of a head.
    if (line.find(" HTTP/") == std::string_view::npos)
        fail(400, "the first line is no HTTP request line");
    return false;
}

/// Never ends the head.
bool RequestParser::take_header(std::string_view line) {
    const std::size_t colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    if (line.front() == ' ' || line.front() == '\t')
        fail(400, "a header line is folded");
    else if (colon == std::string_view::npos || name.empty())
        fail(400, "a header line has no name and colon");
    else if (!std::all_of(name.begin(), name.end(), is_token_character))
        fail(400, "a header name has a character that no name may have");
    else if (!std::all_of(line.begin(), line.end(), is_value_character))
        fail(400, "a header value has a control character");
    else if (request_.headers.size() == kHeaderCountLimit)
        fail(431, "there are more than 100 headers");
    else
        request_.headers.push_back({lower(name), std::string(trim(line.substr(colon + 1)))});
    return false;
}

void RequestParser::finish_head() {
    const auto [status, reason] = HeadLibrary(request_).run(head_);
    if (status != 200)
        return fail(status, reason);
    if (check_head() && check_framing())
        state_ = State::head_ready;
}

bool RequestParser::check_head() {
    for (const std::string_view name : kSingleHeaders) {
        const auto named = [name](const Header& header) {
            return header.name == name;
        };
        if (std::count_if(request_.headers.begin(), request_.headers.end(), named) > 1) {
            fail(400, "there is more than one " + std::string(name) + " header");
            return false;
        }
    }
    if (request_.minor_version > 0 && request_.header("host") == nullptr) {
        fail(400, "an HTTP/1.1 request needs a Host header");
        return false;
    }
    const std::string* expect = request_.header("expect");
    request_.expects_continue =
        expect != nullptr && request_.minor_version > 0 && lower(*expect) == "100-continue";
    return true;
}

bool RequestParser::check_framing() {
    const std::string* coding = request_.header("transfer-encoding");
    const std::string* length = request_.header("content-length");
    if (coding != nullptr && (length != nullptr || request_.minor_version == 0))
        fail(400, "Transfer-Encoding beside Content-Length or in HTTP/1.0");
    else if (coding != nullptr && lower(*coding) != "chunked")
        fail(501, "the only transfer coding is chunked");
    else if ((coding != nullptr) != request_.chunked)
        fail(400, "the transfer coding is not clear");
    else if (length != nullptr && parse_number<std::uint64_t>(*length) != request_.content_length)
        fail(400, "the content length is not clear");
    return state_ != State::failed;
}

void RequestParser::accept_body(std::size_t limit_bytes) {
    KHEISH_ASSERT(state_ == State::head_ready);
    state_ = State::body;
    body_limit_ = limit_bytes;
    body_reader_.start(request_, limit_bytes);
    follow_body();
}

std::size_t RequestParser::feed_body(std::string_view bytes) {
    const std::size_t taken = body_reader_.feed(bytes, request_.body);
    follow_body();
    return taken;
}

void RequestParser::follow_body() {
    switch (body_reader_.state()) {
    case BodyReader::State::reading:
        return;
    case BodyReader::State::complete:
        state_ = State::complete;
        return;
    case BodyReader::State::malformed:
        return fail(400, "the chunks of the body are malformed");
    case BodyReader::State::too_large:
        return fail(413, "the body is longer than " + std::to_string(body_limit_) + " bytes");
    }
}

void RequestParser::reset() {
    request_ = Request();
    problem_ = Problem();
    head_.clear();
    line_start_ = request_line_ = empty_lines_ = 0;
    state_ = State::head;
}

} // namespace kheish::http
