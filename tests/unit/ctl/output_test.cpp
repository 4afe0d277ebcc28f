#include "output.hpp"

#include "codec/json.hpp"
#include "remote.hpp"

#include <gtest/gtest.h>

namespace kheish::ctl {
namespace {

using codec::Json;

TEST(Output, TextKeepsItsLinesAndLosesItsTricks) {
    EXPECT_EQ(shown_text("a\n\tb\\c"), "a\n\tb\\c");
    EXPECT_EQ(shown_text("x\x1b[31my\r"), "x\\u{1b}[31my\\u{d}");
    EXPECT_EQ(shown_text("rtl \u202e!"), "rtl \\u{202e}!");
    EXPECT_EQ(shown("a\nb"), "a\\nb");
}

TEST(Output, JsonIsTheSameValueWithoutControls) {
    const Json value = Json::object({{"t", "a\u202e\u009b\x7f\U000E0041\u00e9\n"}});
    const std::string text = shown_json(value);
    EXPECT_EQ(text, "{\"t\":\"a\\u202e\\u009b\\u007f\\udb40\\udc41\u00e9\\n\"}");
    const Result<Json> again = codec::parse_json(text);
    ASSERT_TRUE(again);
    EXPECT_EQ(codec::canonical_json(*again), codec::canonical_json(value));
}

TEST(Output, TablesAlignAndCut) {
    Table table({"NAME", "X"});
    table.add({"\u00e9\u00e9", "1"});
    table.add({"long name", std::string(100, 'y')});
    table.add({"a\nb", ""});
    EXPECT_EQ(
        table.text(),
        "NAME       X\n"
        "\u00e9\u00e9         1\n"
        "long name  " +
            std::string(57, 'y') +
            "...\n"
            "a\\nb       \n");
}

TEST(Output, FieldsAreNested) {
    const Json view = Json::object(
        {{"a", 1},
         {"b", Json::object({{"c", "x\ny"}})},
         {"d", Json::array({Json("e"), Json(true)})},
         {"f", Json::array()}});
    EXPECT_EQ(fields_text(view), "a: 1\nb:\n  c: x\\ny\nd:\n  - 1: e\n  - 2: true\nf: []\n");
}

TEST(Output, QuantitiesReadWell) {
    EXPECT_EQ(duration_text(0), "0 ms");
    EXPECT_EQ(duration_text(850'000), "850 ms");
    EXPECT_EQ(duration_text(4'200'000), "4.2 s");
    EXPECT_EQ(duration_text(200'000'000), "3 min 20 s");
    EXPECT_EQ(duration_text(7'500'000'000), "2 h 5 min");
    EXPECT_EQ(size_text(512), "512 B");
    EXPECT_EQ(size_text(4096), "4.0 KiB");
    EXPECT_EQ(size_text(std::int64_t{3} << 29), "1.5 GiB");
    EXPECT_EQ(time_text(0), "");
}

TEST(Output, ViewsAreReadWithoutSurprises) {
    const Json view = Json::object({{"n", 3}, {"t", "x"}, {"o", Json::object({{"k", "v"}})}});
    EXPECT_EQ(number_at(view, "n"), 3);
    EXPECT_EQ(number_at(view, "t"), 0);
    EXPECT_EQ(text_at(view, "n"), "");
    EXPECT_EQ(text_at(object_at(view, "o"), "k"), "v");
    EXPECT_EQ(text_at(object_at(view, "missing"), "k"), "");
}

TEST(Remote, QuotesForTheOtherShell) {
    EXPECT_EQ(
        remote_command({"-H", "host", "run", "it's $HOME", "--wait"}),
        "kheishctl 'run' 'it'\\''s $HOME' '--wait'");
    EXPECT_EQ(
        remote_command({"--host=host", "runs", "--host", "h2", "wait", "-Hh3", "run-1"}),
        "kheishctl 'runs' 'wait' 'run-1'");
}

} // namespace
} // namespace kheish::ctl
