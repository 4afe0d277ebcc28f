#include "outbound/html_text.hpp"
#include "outbound/page_text.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace kheish::outbound {
namespace {

TEST(HtmlTextTest, KeepsWhatIsSaid) {
    const std::vector<std::pair<std::string, std::string>> pages{
        {"", ""},
        {"plain", "plain"},
        {"<p>one</p>\n<p>two</p>", "one\ntwo"},
        {"<html><head><title>A  title</title><meta charset=utf-8></head><body>b</body>",
         "A title\nb"},
        {"a <b>bold</b>,\n <i>not</i>  so", "a bold, not so"},
        {"<ul><li>one<li>two</ul>", "- one\n- two"},
        {"<table><tr><td>a<td>b</tr><tr><td>c</table>", "a b\nc"},
        {"see <a href=\"https://a.example/?b&amp;c\">this</a>.",
         "see this <https://a.example/?b&c>."},
        {"<a href='#top'>up</a> <a href=javascript:alert(1)>no</a>", "up no"},
        {"a<script>if (a < b) document.write('<p>')</script>b", "ab"},
        {"a<STYLE>p { }</style >b<svg><text>c</text></svg>d", "abd"},
        {"a<!-- <p>hidden</p> -->b<!doctype html>c<?xml x?>d", "abcd"},
        {"&lt;b&gt; &amp;amp; &#65;&#x42; &copy; &nosuch; & &#0; &#xD800; &#x110000;",
         "<b> &amp; AB \xc2\xa9 &nosuch; & \xef\xbf\xbd \xef\xbf\xbd \xef\xbf\xbd"},
        {"<pre>a\n  b</pre>c", "a\n  b\nc"},
        {"1 < 2 and 3 > 2 <", "1 < 2 and 3 > 2 <"},
        {"<p title=\"a > b\">c", "c"},
        {"<p", ""},
        {"<a href=\"x", ""},
        {"a<!--", "a"},
        {"a<script>b", "a"},
        {"</p></p></a>x", "x"},
    };
    for (const auto& [html, text] : pages)
        EXPECT_EQ(html_text(html), text) << html;
}

/// Each of these makes a parser that keeps a tree, or looks back, pay by the square.
TEST(HtmlTextTest, TakesWhateverNests) {
    constexpr std::size_t kTimes = 200'000;
    for (const std::string piece :
         {"<b>",
          "<div>",
          "</i>",
          "<a href=x>",
          "<!--",
          "<script>",
          "&",
          "<p a b c d",
          "&#",
          "<<",
          "<svg>",
          "<a href=\"",
          "<pre>",
          "</"}) {
        std::string page;
        for (std::size_t i = 0; i < kTimes; ++i)
            page += piece;
        EXPECT_LE(html_text(page).size(), 2 * page.size()) << piece;
    }
}

TEST(PageTextTest, ATypeSaysWhetherItIsText) {
    for (const char* type :
         {"",
          "text/html; charset=utf-8",
          "Text/Plain",
          "application/json",
          "application/ld+json",
          "application/atom+xml"})
        EXPECT_TRUE(may_be_text(parse_content_type(type))) << type;
    for (const char* type :
         {"image/png", "application/pdf", "application/octet-stream", "video/mp4"})
        EXPECT_FALSE(may_be_text(parse_content_type(type))) << type;
    EXPECT_EQ(
        parse_content_type("text/html; a=b; CharSet=\"ISO-8859-1\" ; c").charset, "iso-8859-1");
}

TEST(PageTextTest, ABodyBecomesUtf8) {
    EXPECT_EQ(*text_of_page("a\xc3\xbc", parse_content_type("text/plain")), "a\xc3\xbc");
    EXPECT_EQ(
        *text_of_page("a\xfc", parse_content_type("text/plain; charset=iso-8859-1")), "a\xc3\xbc");
    EXPECT_EQ(*text_of_page("a\xfc", parse_content_type("text/plain")), "a\xef\xbf\xbd");
    EXPECT_EQ(
        *text_of_page("a\xfc", parse_content_type("text/plain; charset=no-such//IGNORE")),
        "a\xef\xbf\xbd");
    const std::string utf16(
        "\xff\xfe"
        "a\0\xfc\0",
        6);
    EXPECT_EQ(*text_of_page(utf16, parse_content_type("text/plain; charset=UTF-16")), "a\xc3\xbc");
    const std::string letters("a\0b\0", 4); // which is valid UTF-8 as well
    EXPECT_EQ(*text_of_page(letters, parse_content_type("text/html; charset=utf-16le")), "ab");
    const std::string zeros("a\0\0\0", 4);
    EXPECT_FALSE(text_of_page(zeros, parse_content_type("text/plain; charset=utf-16le")));
    // Not one that pages have: it is not tried.
    EXPECT_EQ(
        *text_of_page("a\xfc", parse_content_type("text/plain; charset=iso-2022-jp-3")),
        "a\xef\xbf\xbd");
    EXPECT_EQ(*text_of_page("<p>a<p>b", parse_content_type("text/html")), "a\nb");
    EXPECT_EQ(*text_of_page("<p>a<p>b", parse_content_type("text/plain")), "<p>a<p>b");
    EXPECT_FALSE(text_of_page(std::string("a\0b", 3), parse_content_type("text/plain")));
}

} // namespace
} // namespace kheish::outbound
