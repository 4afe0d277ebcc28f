#include "codec/url.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace kheish::codec {
namespace {

std::string read_as(std::string_view text) {
    const Result<Url> url = parse_url(text);
    return url ? url->to_string() : "";
}

TEST(UrlTest, IsReadInOneSpelling) {
    const std::vector<std::pair<std::string, std::string>> spellings{
        {"https://example.com", "https://example.com/"},
        {"HTTPS://Example.COM:443/A?b=C#d", "https://example.com/A?b=C"},
        {"https://example.com.:8443/a", "https://example.com:8443/a"},
        {"https://example.com?x=1", "https://example.com/?x=1"},
        {"http://192.0.2.7:80/", "http://192.0.2.7/"},
        {"https://[2001:DB8:0:0:0:0:0:1]:443/", "https://[2001:db8::1]/"},
        {"https://xn--bcher-kva.example/a%20b", "https://xn--bcher-kva.example/a%20b"},
        {"https://a_b.example/", "https://a_b.example/"},
    };
    for (const auto& [written, read] : spellings) {
        EXPECT_EQ(read_as(written), read) << written;
        EXPECT_EQ(read_as(read), read) << "is read again as it is";
    }
}

TEST(UrlTest, WhatOthersCouldReadOtherwiseIsRefused) {
    const std::vector<std::string> refused{
        "",
        "example.com",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https:/example.com/",
        "https:///example.com",
        "https://",
        "https://user@example.com/",
        "https://user:word@example.com/",
        "https://good.example@evil.example/",
        "https://good.example\\@evil.example/",
        "https://good.example\\.evil.example/",
        "https://evil.example%2f@good.example/",
        "https://good%2eexample/",
        "https://exa mple.com/",
        "https://example.com/\r\nHost: evil",
        std::string("https://example.com/\0x", 22),
        "https://b\xc3\xbc"
        "cher.example/",
        "https://example..com/",
        "https://.example.com/",
        "https://-a.example/",
        "https://a-.example/",
        "https://example.com:0/",
        "https://example.com:65536/",
        "https://example.com:/",
        "https://example.com:+80/",
        "https://example.com:8 0/",
        "https://0x7f.1/",
        "https://2130706433/",
        "https://127.1/",
        "https://0177.0.0.1/",
        "https://127.0.0.1.5/",
        "https://[::1/",
        "https://::1/",
        "https://[::1%25lo]/",
        "https://[127.0.0.1]/",
        "https://example.com/%",
        "https://example.com/%2",
        "https://example.com/<script>",
        "https://" + std::string(64, 'a') + ".example/",
        "https://example.com/" + std::string(kUrlBytes, 'a'),
    };
    for (const std::string& text : refused) {
        const Result<Url> url = parse_url(text);
        ASSERT_FALSE(url) << text;
        EXPECT_EQ(url.error().code, Errc::bad_request) << text;
        EXPECT_FALSE(url.error().message.empty()) << text;
    }
}

TEST(UrlTest, TheQueryCanBeLeftOut) {
    const Result<Url> url = parse_url("https://example.com:8443/a/b?secret=1");
    ASSERT_TRUE(url);
    EXPECT_EQ(url->without_query(), "https://example.com:8443/a/b");
    EXPECT_EQ(url->site(), "example.com:8443");
}

struct Match {
    std::string pattern;
    std::string url;
    bool covers;
    bool concerns;
};

TEST(HostPatternTest, SaysWhichHostsItMeans) {
    const std::vector<Match> matches{
        {"example.com", "https://example.com/a", true, true},
        {"Example.COM.", "https://example.com/a", true, true},
        {"example.com", "http://example.com/", true, true},
        {"example.com", "https://example.com:8443/", false, true},
        {"example.com:8443", "https://example.com:8443/", true, true},
        {"example.com:8443", "https://example.com/", false, false},
        {"example.com:443", "https://example.com/", true, true},
        {"example.com", "https://www.example.com/", false, false},
        {"example.com", "https://notexample.com/", false, false},
        {"example.com", "https://example.com.evil.example/", false, false},
        {"*.example.com", "https://www.example.com/", true, true},
        {"*.example.com", "https://a.b.example.com/", true, true},
        {"*.example.com", "https://a.example.com:8443/", false, true},
        {"*.example.com", "https://example.com/", false, false},
        {"*.example.com", "https://notexample.com/", false, false},
        {"192.0.2.7", "https://192.0.2.7/", true, true},
        {"[2001:db8::1]", "https://[2001:0db8::0001]/", true, true},
        {"[2001:db8::1]:8443", "https://[2001:db8::1]:8443/", true, true},
    };
    for (const Match& match : matches) {
        const Result<HostPattern> pattern = parse_host_pattern(match.pattern);
        ASSERT_TRUE(pattern) << match.pattern;
        const Result<Url> url = parse_url(match.url);
        ASSERT_TRUE(url) << match.url;
        EXPECT_EQ(covers(*pattern, *url), match.covers) << match.pattern << " " << match.url;
        EXPECT_EQ(concerns(*pattern, *url), match.concerns) << match.pattern << " " << match.url;
    }
}

TEST(HostPatternTest, AnythingElseIsRefused) {
    for (const std::string& text : std::vector<std::string>{
             "",
             "*",
             "*.",
             "*example.com",
             "a.*.example.com",
             "*.*.example.com",
             "https://example.com",
             "example.com/a",
             "user@example.com",
             "*.192.0.2.7",
             "*.[::1]",
             "example.com:",
             "example.com:http",
             std::string(400, 'a')}) {
        const Result<HostPattern> pattern = parse_host_pattern(text);
        ASSERT_FALSE(pattern) << text;
        EXPECT_NE(pattern.error().message.find("is no host such as"), std::string::npos) << text;
    }
}

} // namespace
} // namespace kheish::codec
