#include "http/limits.hpp"
#include "http/request.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace kheish::http {

namespace {

/// RFC 3986, section 3.3: "." and "..".
bool is_dot_segment(std::string_view segment) {
    return !segment.empty() && segment.size() <= 2 &&
           segment.find_first_not_of('.') == std::string_view::npos;
}

constexpr int kNoDigit = -1;

int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return kNoDigit;
}

Result<std::string> percent_decode(std::string_view text, bool plus_is_space) {
    std::string decoded;
    decoded.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '%') {
            const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : kNoDigit;
            const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : kNoDigit;
            if (high == kNoDigit || low == kNoDigit)
                return fail(
                    Errc::bad_request, "the request target has a % without two hexadecimal digits");
            c = static_cast<char>(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
            return fail(Errc::bad_request, "the request target has a control character");
        decoded.push_back(c);
    }
    if (!is_valid_utf8(decoded))
        return fail(Errc::invalid_utf8, "the request target is not valid UTF-8");
    return decoded;
}

Result<std::vector<std::string>> parse_path(std::string_view path) {
    std::vector<std::string> segments;
    while (!path.empty()) {
        path.remove_prefix(1);
        const std::size_t end = std::min(path.find('/'), path.size());
        KHEISH_TRY(std::string segment, percent_decode(path.substr(0, end), false));
        if (segment.find('/') != std::string::npos)
            return fail(Errc::bad_request, "the path has an encoded slash");
        if (is_dot_segment(segment))
            return fail(Errc::bad_request, "the path has a dot segment");
        if (segments.size() == kPathSegmentLimit)
            return fail(Errc::route_not_found, "no path has that many segments");
        segments.push_back(std::move(segment));
        path.remove_prefix(end);
    }
    return segments;
}

Result<codec::Json> parse_query(std::string_view query) {
    codec::Json members = codec::Json::object();
    while (!query.empty()) {
        const std::string_view member = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(member.size() + 1, query.size()));
        if (member.empty())
            continue;
        const std::size_t equals = std::min(member.find('='), member.size());
        KHEISH_TRY(const std::string name, percent_decode(member.substr(0, equals), true));
        KHEISH_TRY(
            const std::string value,
            percent_decode(member.substr(std::min(equals + 1, member.size())), true));
        if (members.find(name))
            return fail(Errc::bad_request, "the query names \"" + name + "\" twice");
        if (members.size() == kQueryMemberLimit)
            return fail(Errc::bad_request, "the query has too many members");
        members.set(name, value);
    }
    return members;
}

/// Cuts scheme and authority off a target in absolute form.
Result<std::string_view> strip_authority(std::string_view text) {
    constexpr std::string_view kScheme = "http://";
    const auto same_letter = [](char given, char wanted) {
        return given == wanted || (given >= 'A' && given <= 'Z' && given - 'A' + 'a' == wanted);
    };
    if (text.size() <= kScheme.size() ||
        !std::equal(kScheme.begin(), kScheme.end(), text.begin(), [same_letter](char w, char g) {
            return same_letter(g, w);
        }))
        return fail(Errc::bad_request, "the request target must begin with a slash");
    text.remove_prefix(kScheme.size());
    text.remove_prefix(std::min(text.find_first_of("/?"), text.size()));
    return text;
}

} // namespace

const std::string* Request::header(std::string_view name) const {
    for (const Header& header : headers)
        if (header.name == name)
            return &header.value;
    return nullptr;
}

Result<Target> parse_target(std::string_view text) {
    Target target;
    if (text == "*") {
        target.asterisk = true;
        return target;
    }
    if (!text.starts_with('/')) {
        KHEISH_TRY(text, strip_authority(text));
    }
    if (text.find('#') != std::string_view::npos)
        return fail(Errc::bad_request, "the request target has a fragment");
    const std::string_view path = text.substr(0, text.find('?'));
    KHEISH_TRY(target.segments, parse_path(path.empty() ? std::string_view("/") : path));
    if (path.size() < text.size()) {
        KHEISH_TRY(target.query, parse_query(text.substr(path.size() + 1)));
    }
    return target;
}

} // namespace kheish::http
