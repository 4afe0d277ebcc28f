#include "codec/json_slice.hpp"

#include <gtest/gtest.h>

namespace kheish::codec {
namespace {

TEST(JsonSlice, GivesTheBytesAsTheyStand) {
    const std::string_view object =
        R"( { "a" : 1.50 , "b":{"x" : [1, "}"],"a":2} ,"c": "q\"\\" , "d":[ ] ,"e":null})";
    EXPECT_EQ(member_slice(object, "a"), "1.50");
    EXPECT_EQ(member_slice(object, "b"), R"({"x" : [1, "}"],"a":2})");
    EXPECT_EQ(member_slice(object, "c"), R"("q\"\\")");
    EXPECT_EQ(member_slice(object, "d"), "[ ]");
    EXPECT_EQ(member_slice(object, "e"), "null");
    EXPECT_EQ(member_slice(object, "x"), std::nullopt);
    EXPECT_EQ(member_slice("{}", "x"), std::nullopt);
    EXPECT_EQ(member_slice("{\"x\":true}", "x"), "true");
}

TEST(JsonSlice, DoesNotRunOverOnBrokenText) {
    const std::string_view object = R"({"a":{"b":[1,"\u00e9"]},"c":"d"})";
    for (std::size_t size = 0; size < object.size(); ++size)
        (void)member_slice(object.substr(0, size), "c"); // the sanitizers judge
    EXPECT_EQ(member_slice(object, "c"), "\"d\"");
}

} // namespace
} // namespace kheish::codec
