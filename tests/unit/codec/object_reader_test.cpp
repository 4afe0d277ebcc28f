#include "codec/object_reader.hpp"

#include <gtest/gtest.h>

#include <array>

namespace kheish::codec {
namespace {

Json parse(std::string_view text) {
    return parse_json(text).value();
}

TEST(ObjectReader, ReadsWhatIsThere) {
    ObjectReader reader(
        parse(R"({"text":"hi","n":3,"flag":true,"list":["a","b"],"none":null})"), "body");
    EXPECT_EQ(reader.required_string("text"), "hi");
    EXPECT_EQ(reader.required_integer("n"), 3);
    EXPECT_EQ(reader.optional_boolean("flag"), true);
    EXPECT_EQ(reader.optional_strings("list"), (std::vector<std::string>{"a", "b"}));
    EXPECT_FALSE(reader.optional_string("none"));
    EXPECT_FALSE(reader.optional_string("absent"));
    EXPECT_TRUE(reader.finish().has_value());
}

struct Case {
    const char* text;
    Errc code;
    const char* message;
};

TEST(ObjectReader, NamesTheFirstProblem) {
    const std::array cases{
        Case{R"([])", Errc::bad_request, "body must be an object, not array"},
        Case{R"({})", Errc::bad_request, "body.text is required"},
        Case{R"({"text":1})", Errc::bad_request, "body.text must be a string, not integer"},
        Case{R"({"text":"12345"})", Errc::bad_request, "body.text is longer than 4 bytes"},
        Case{R"({"text":"a","n":-1})", Errc::bad_request, "body.n must lie between 0 and 9"},
        Case{R"({"text":"a","n":1.5})", Errc::bad_request, "body.n must be an integer, not number"},
        Case{R"({"text":"a","mode":"x"})", Errc::bad_request, "body.mode must be one of on, off"},
        Case{R"({"text":"a","typo":1})", Errc::unknown_field, "body has no field \"typo\""},
    };
    constexpr std::array<std::string_view, 2> kWords{"on", "off"};
    for (const Case& c : cases) {
        ObjectReader reader(parse(c.text), "body");
        (void)reader.required_string("text", 4);
        (void)reader.optional_integer("n", 0, 9);
        (void)reader.optional_word("mode", kWords);
        const Status status = reader.finish();
        ASSERT_FALSE(status.has_value()) << c.text;
        EXPECT_EQ(status.error().code, c.code);
        EXPECT_EQ(status.error().message, c.message);
    }
}

} // namespace
} // namespace kheish::codec
