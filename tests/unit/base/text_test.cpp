#include "base/text.hpp"

#include <gtest/gtest.h>

namespace kheish {
namespace {

TEST(ParseNumber, TakesTheWholeTextOnly) {
    EXPECT_EQ(parse_number<int>("42"), 42);
    EXPECT_EQ(parse_number<int>("-7"), -7);
    for (const char* text : {"", " 1", "1 ", "+1", "0x1", "1e3", "99999999999"})
        EXPECT_FALSE(parse_number<int>(text)) << text;
    EXPECT_FALSE(parse_number<unsigned>("-1"));
}

TEST(Utf8, RefusesWhatRfc3629Refuses) {
    EXPECT_TRUE(is_valid_utf8("grün \xF0\x9F\x8C\xB1"));
    for (const std::string_view bad :
         {"\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\x80", "\xC3", "\xF8"})
        EXPECT_FALSE(is_valid_utf8(bad)) << to_hex(std::as_bytes(std::span(bad)));
}

TEST(Utf8, TruncatesBetweenCharacters) {
    EXPECT_EQ(truncate_utf8("a\xC3\xBC", 2), "a");
    EXPECT_EQ(truncate_utf8("a\xC3\xBC", 3), "a\xC3\xBC");
    EXPECT_EQ(truncate_utf8("\xF0\x9F\x8C\xB1", 3), "");
}

TEST(Utf8, ReplacesGarbage) {
    EXPECT_EQ(to_valid_utf8("a\xFF"), "a\xEF\xBF\xBD");
    EXPECT_TRUE(is_valid_utf8(to_valid_utf8("\xED\xA0\x80\xF0\x9F")));
}

TEST(EscapeForDisplay, ShowsWhatHides) {
    EXPECT_EQ(escape_for_display("rm -rf build"), "rm -rf build");
    EXPECT_EQ(escape_for_display("a\x1b[31mb"), "a\\u{1b}[31mb");
    EXPECT_EQ(escape_for_display("evil\xE2\x80\xAEtxt"), "evil\\u{202e}txt");
    EXPECT_EQ(escape_for_display("a\xE2\x80\x8Bz"), "a\\u{200b}z");
    EXPECT_EQ(escape_for_display("one\ntwo\t3\r"), "one\\ntwo\\t3\\u{d}");
    EXPECT_EQ(
        escape_for_display("\xC2\x9B"
                           "31m"),
        "\\u{9b}31m");
    EXPECT_EQ(escape_for_display("\xF3\xA0\x81\x81"), "\\u{e0041}");
    EXPECT_EQ(escape_for_display("\xFF"), "\\xff");
    EXPECT_EQ(escape_for_display("\\u{1b}"), "\\\\u{1b}") << "unambiguous";
    EXPECT_EQ(escape_for_display("grün \xF0\x9F\x8C\xB1"), "grün \xF0\x9F\x8C\xB1");
}

TEST(Hex, IsLowerCase) {
    const std::string_view bytes("\x00\xAB", 2);
    EXPECT_EQ(to_hex(std::as_bytes(std::span(bytes))), "00ab");
}

} // namespace
} // namespace kheish
