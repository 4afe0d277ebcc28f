#include "codec/json.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>

namespace kheish::codec {
namespace {

std::string canonical(std::string_view text) {
    Result<Json> parsed = parse_json(text);
    EXPECT_TRUE(parsed.has_value()) << text;
    return parsed ? canonical_json(*parsed) : std::string();
}

// RFC 8785 section 3.2.2.
TEST(CanonicalJson, PrintsTheRfcsSample) {
    EXPECT_EQ(
        canonical(R"({"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],
                     "string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
                     "literals":[null,true,false]})"),
        "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
        "\"string\":\"\xE2\x82\xAC$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
}

// RFC 8785 section 3.2.3.
TEST(CanonicalJson, SortsByUtf16) {
    EXPECT_EQ(
        canonical(R"({"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7})"),
        "{\"\\r\":2,\"1\":4,\"\xC2\x80\":6,\"\xC3\xB6\":7,\"\xE2\x82\xAC\":1,\"\xF0\x9F\x98\x80\":"
        "5,"
        "\"\xEF\xAC\xB3\":3}");
}

// RFC 8785 appendix B.
TEST(CanonicalJson, PrintsNumbersAsEcmaScript) {
    const struct {
        std::uint64_t bits;
        const char* text;
    } rows[] = {
        {0x0000000000000000, "0"},
        {0x8000000000000000, "0"},
        {0x0000000000000001, "5e-324"},
        {0x7fefffffffffffff, "1.7976931348623157e+308"},
        {0x4340000000000000, "9007199254740992"},
        {0xc340000000000000, "-9007199254740992"},
        {0x4430000000000000, "295147905179352830000"},
        {0x44b52d02c7e14af5, "9.999999999999997e+22"},
        {0x44b52d02c7e14af6, "1e+23"},
        {0x444b1ae4d6e2ef4e, "999999999999999700000"},
        {0x444b1ae4d6e2ef50, "1e+21"},
        {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
        {0x3eb0c6f7a0b5ed8d, "0.000001"},
        {0x41b3de4355555553, "333333333.3333332"},
        {0xbecbf647612f3696, "-0.0000033333333333333333"},
        {0x43143ff3c1cb0959, "1424953923781206.2"},
    };
    for (const auto& row : rows)
        EXPECT_EQ(canonical_json(Json(std::bit_cast<double>(row.bits))), row.text);
}

TEST(CanonicalJson, KeepsIntegersExact) {
    EXPECT_EQ(canonical("9223372036854775807"), "9223372036854775807");
    EXPECT_EQ(canonical("[1.0,-0.0,1e2]"), "[1,0,100]");
}

} // namespace
} // namespace kheish::codec
