#include "outbound/guard.hpp"

#include "codec/url.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

namespace kheish::outbound {
namespace {

TEST(Guard, ClassifiesAddresses) {
    const std::pair<const char*, AddressClass> cases[] = {
        {"1.1.1.1", AddressClass::global},
        {"0.0.0.0", AddressClass::special},
        {"10.255.0.1", AddressClass::private_network},
        {"11.0.0.0", AddressClass::global},
        {"100.63.255.255", AddressClass::global},
        {"100.64.0.1", AddressClass::private_network},
        {"100.128.0.0", AddressClass::global},
        {"127.0.0.1", AddressClass::loopback},
        {"127.255.255.254", AddressClass::loopback},
        {"169.254.169.254", AddressClass::link_local},
        {"172.15.255.255", AddressClass::global},
        {"172.31.255.255", AddressClass::private_network},
        {"172.32.0.0", AddressClass::global},
        {"192.0.2.7", AddressClass::special},
        {"192.168.1.1", AddressClass::private_network},
        {"198.19.0.1", AddressClass::special},
        {"203.0.113.9", AddressClass::special},
        {"224.0.0.1", AddressClass::special},
        {"255.255.255.255", AddressClass::special},
        {"::", AddressClass::special},
        {"::1", AddressClass::loopback},
        {"::2", AddressClass::special},
        {"::7f00:1", AddressClass::special},
        {"::ffff:127.0.0.1", AddressClass::loopback},
        {"::ffff:10.0.0.1", AddressClass::private_network},
        {"::ffff:1.1.1.1", AddressClass::global},
        {"64:ff9b::169.254.169.254", AddressClass::link_local},
        {"64:ff9b::8.8.8.8", AddressClass::global},
        {"64:ff9b:1::8.8.8.8", AddressClass::special},
        {"100::1", AddressClass::special},
        {"2001::1", AddressClass::special},
        {"2001:1ff:ffff::", AddressClass::special},
        {"2001:200::1", AddressClass::global},
        {"2001:db8::1", AddressClass::special},
        {"2002:7f00:1::", AddressClass::loopback},
        {"2002:a9fe:a9fe::1", AddressClass::link_local},
        {"2002:808:808::1", AddressClass::global},
        {"2606:4700::1111", AddressClass::global},
        {"3fff::1", AddressClass::special},
        {"4000::1", AddressClass::special},
        {"fc00::1", AddressClass::private_network},
        {"fdff::1", AddressClass::private_network},
        {"fe80::1", AddressClass::link_local},
        {"febf::1", AddressClass::link_local},
        {"fec0::1", AddressClass::special},
        {"ff02::1", AddressClass::special},
    };
    for (const auto& [text, expected] : cases) {
        const Result<AddressClass> found = classify_text(text);
        ASSERT_TRUE(found.has_value()) << text;
        EXPECT_EQ(*found, expected) << text << " is " << to_string(*found);
    }
    EXPECT_FALSE(classify_text("localhost").has_value());
    EXPECT_FALSE(classify_text("127.1").has_value());
}

TEST(Guard, ClassifiesSocketAddressesOfAnyFamily) {
    sockaddr_in ipv4{};
    ipv4.sin_family = AF_INET;
    ipv4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(classify(reinterpret_cast<const sockaddr&>(ipv4)), AddressClass::loopback);
    sockaddr_in6 ipv6{};
    ipv6.sin6_family = AF_INET6;
    ipv6.sin6_addr = in6addr_loopback;
    EXPECT_EQ(classify(reinterpret_cast<const sockaddr&>(ipv6)), AddressClass::loopback);
    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    EXPECT_EQ(classify(reinterpret_cast<const sockaddr&>(local)), AddressClass::special);
}

TEST(Guard, TakesUrlsApart) {
    const Result<Target> target =
        check_url("HTTPS://API.Example.com/v1/messages?key=secret#part", Reach::global);
    ASSERT_TRUE(target.has_value()) << target.error().message;
    EXPECT_EQ(target->scheme, "https");
    EXPECT_EQ(target->host, "api.example.com");
    EXPECT_EQ(target->port, 443);
    EXPECT_EQ(target->display, "https://api.example.com/v1/messages");
    const Result<Target> ipv6 = check_url("http://[::1]:4010/x", Reach::configured);
    ASSERT_TRUE(ipv6.has_value()) << ipv6.error().message;
    EXPECT_EQ(ipv6->host, "::1");
    EXPECT_EQ(ipv6->display, "http://[::1]:4010/x");
}

TEST(Guard, RefusesUrls) {
    for (const char* url : {
             "",
             "example.com/x",
             "/v1",
             "ftp://example.com/",
             "file:///etc/passwd",
             "javascript:alert(1)",
             "http://example.com/",
             "https://user@example.com/",
             "https://user:password@example.com/",
             "https:///path",
             "https://example.com:0/",
             "https://example.com:70000/",
             "https://example.com/a b",
             "https://example.com/\nHost: x",
             "https://127.0.0.1/",
             "https://2130706433/",
             "https://0x7f.1/",
             "https://0177.0.0.1/",
             "https://127.1/",
             "https://10.0.0.1/",
             "https://169.254.169.254/latest/meta-data",
             "https://[::1]/",
             "https://[::ffff:127.0.0.1]/",
             "https://[64:ff9b::7f00:1]/",
             "https://[2002:7f00:1::]/",
             "https://[fe80::1%25eth0]/",
         }) {
        const Result<Target> target = check_url(url, Reach::global);
        ASSERT_FALSE(target.has_value()) << url;
        EXPECT_EQ(target.error().code, Errc::invalid_argument) << url;
    }
}

TEST(Guard, ConfiguredUrlsMayStayInsideButNotGoOutInTheClear) {
    for (const char* url :
         {"http://127.0.0.1:4010",
          "http://[::1]/",
          "http://192.168.0.9/v1",
          "http://mock:1/",
          "https://8.8.8.8/"})
        EXPECT_TRUE(check_url(url, Reach::configured).has_value()) << url;
    for (const char* url :
         {"http://8.8.8.8/", "http://169.254.169.254/", "https://224.0.0.1/", "https://0.0.0.0/"})
        EXPECT_FALSE(check_url(url, Reach::configured).has_value()) << url;
}

TEST(Guard, JudgesWhatANameHasResolvedTo) {
    const Result<Target> https = check_url("https://api.example.com/", Reach::global);
    const Result<Target> http = check_url("http://api.example.com/", Reach::configured);
    ASSERT_TRUE(https.has_value() && http.has_value());
    sockaddr_in address{};
    address.sin_family = AF_INET;
    const auto check = [&address](const Target& target, const char* text, Reach reach) {
        EXPECT_EQ(inet_pton(AF_INET, text, &address.sin_addr), 1);
        return check_address(target, reinterpret_cast<const sockaddr&>(address), reach).has_value();
    };
    EXPECT_TRUE(check(*https, "8.8.8.8", Reach::global));
    EXPECT_FALSE(check(*https, "127.0.0.1", Reach::global));
    EXPECT_TRUE(check(*https, "127.0.0.1", Reach::configured));
    EXPECT_TRUE(check(*http, "10.1.1.1", Reach::configured));
    EXPECT_FALSE(check(*http, "8.8.8.8", Reach::configured));
    EXPECT_FALSE(check(*https, "169.254.169.254", Reach::configured));
}

/// Rules judge what codec::parse_url() reads, libcurl connects to what it reads itself.
TEST(Guard, ReadsHostsAsTheRulesDo) {
    constexpr std::array<std::string_view, 30> kPieces{
        "a",   "example", ".", "-",  "@",   ":",   "/",  "?",   "#",    "\\",
        "%2e", "%40",     "[", "]",  "::1", "127", "0x", "443", "8443", "0",
        "A",   "//",      "_", "..", " ",   ";",   "&",  "=",   "xn--", "~"};
    std::minstd_rand random(7);
    int accepted = 0;
    for (int i = 0; i < 300'000; ++i) {
        std::string text = i % 2 == 0 ? "https://" : "https://example.";
        for (auto count = random() % 7 + 1; count > 0; --count)
            text += kPieces[random() % kPieces.size()];
        const Result<codec::Url> read = codec::parse_url(text);
        if (!read)
            continue;
        ++accepted;
        const Result<Target> asked = check_url(read->to_string(), Reach::configured);
        if (!asked) {
            EXPECT_NE(asked.error().code, Errc::internal);
            continue; // it is not asked for at all
        }
        const bool is_ipv6 = asked->host.find(':') != std::string::npos;
        EXPECT_EQ(is_ipv6 ? "[" + asked->host + "]" : asked->host, read->host) << text;
        EXPECT_EQ(asked->port, read->port) << text;
        EXPECT_EQ(asked->scheme, read->scheme) << text;
    }
    EXPECT_GT(accepted, 1000);
}

TEST(Guard, ResolvesAReferenceAsABrowserDoes) {
    const auto resolved = [](const char* reference) {
        return resolve_url("https://a.example/b/c?d", reference).value_or("");
    };
    EXPECT_EQ(resolved("e"), "https://a.example/b/e");
    EXPECT_EQ(resolved("../e"), "https://a.example/e");
    EXPECT_EQ(resolved("/e?f"), "https://a.example/e?f");
    EXPECT_EQ(resolved("//g.example/"), "https://g.example/");
    EXPECT_EQ(resolved("http://g.example/"), "http://g.example/");
    EXPECT_EQ(resolve_url("no address", "e").error().code, Errc::invalid_argument);
}

} // namespace
} // namespace kheish::outbound
