#include "codec/json.hpp"

#include <gtest/gtest.h>

namespace kheish::codec {
namespace {

Errc code_of(std::string_view text, const JsonLimits& limits = {}) {
    const Result<Json> parsed = parse_json(text, limits);
    EXPECT_FALSE(parsed.has_value()) << text;
    return parsed ? Errc::internal : parsed.error().code;
}

TEST(ParseJson, RefusesBadText) {
    for (const char* text :
         {"", "{", "{\"a\":1,}", "[1 2]", "nul", "{'a':1}", "1 1", "\"\\ud800\"", "NaN"})
        EXPECT_EQ(code_of(text), Errc::invalid_json) << text;
    EXPECT_EQ(code_of("\"\xFF\""), Errc::invalid_utf8);
}

TEST(ParseJson, RefusesDuplicateMembers) {
    EXPECT_EQ(code_of(R"({"a":1,"a":2})"), Errc::invalid_json);
    EXPECT_EQ(code_of(R"({"x":{"a":1,"\u0061":2}})"), Errc::invalid_json);
}

TEST(ParseJson, HasLimits) {
    EXPECT_EQ(code_of("[1,2,3]", {.bytes = 6}), Errc::payload_too_large);
    EXPECT_TRUE(parse_json("[1,2,3]", {.bytes = 7}).has_value());
    EXPECT_EQ(code_of("[[[1]]]", {.depth = 2}), Errc::invalid_json);
    EXPECT_TRUE(parse_json("[[1]]", {.depth = 2}).has_value());
    EXPECT_TRUE(parse_json("\"[[[[\\\"[[[\"", {.depth = 1}).has_value()) << "brackets in a string";
}

TEST(Json, BuildsAndReads) {
    const Json value = Json::object(
        {{"name", "demo"}, {"count", 3}, {"ok", true}, {"items", Json::array({1, "two"})}});
    EXPECT_EQ(value.find("name")->string(), "demo");
    EXPECT_EQ(value.find("items")->at(1).string(), "two");
    EXPECT_FALSE(value.find("missing"));
    EXPECT_EQ(canonical_json(value), R"({"count":3,"items":[1,"two"],"name":"demo","ok":true})");
}

TEST(Json, ReplacesBytesThatAreNotUtf8) {
    EXPECT_EQ(Json("a\xFF").string(), "a\xEF\xBF\xBD");
}

TEST(Json, KeepsNulCharacters) {
    const Json value = parse_json(R"("a\u0000b")").value();
    EXPECT_EQ(value.string(), std::string("a\0b", 3));
    EXPECT_EQ(canonical_json(value), R"("a\u0000b")");
}

} // namespace
} // namespace kheish::codec
