#include "codec/digest.hpp"

#include <gtest/gtest.h>

namespace kheish::codec {
namespace {

// FIPS 180-4 example.
constexpr std::string_view kAbc =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(Sha256, MatchesTheStandardsExample) {
    EXPECT_EQ(sha256("abc").to_hex(), kAbc);
    Sha256 parts;
    parts.update("a");
    parts.update("");
    parts.update("bc");
    EXPECT_EQ(parts.finish(), sha256("abc"));
}

TEST(Digest, ParsesItsOwnTextOnly) {
    EXPECT_EQ(Digest::parse(kAbc), sha256("abc"));
    EXPECT_FALSE(Digest::parse(kAbc.substr(1)));
    EXPECT_FALSE(Digest::parse("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"));
}

TEST(Base64, RoundTrips) {
    EXPECT_EQ(base64_encode("hello"), "aGVsbG8=");
    EXPECT_EQ(base64_decode("aGVsbG8=").value(), "hello");
    EXPECT_EQ(base64_encode(""), "");
    EXPECT_EQ(base64_decode("").value(), "");
    EXPECT_FALSE(base64_decode("a$b").has_value());
}

TEST(Base64Url, RoundTripsWithoutPadding) {
    EXPECT_EQ(base64url_encode("\xFB\xFF\xFE"), "-__-");
    EXPECT_EQ(base64url_encode("hello"), "aGVsbG8");
    for (const char* text : {"", "a", "ab", "abc", "\xFB\xFF"})
        EXPECT_EQ(base64url_decode(base64url_encode(text)).value(), text);
    EXPECT_FALSE(base64url_decode("aGVsbG8=").has_value());
}

} // namespace
} // namespace kheish::codec
