#include "codec/sse_parser.hpp"

#include <gtest/gtest.h>

namespace kheish::codec {
namespace {

std::vector<SseEvent> parse_in_pieces(std::string_view stream, std::size_t piece) {
    SseParser parser;
    std::vector<SseEvent> events;
    for (std::size_t at = 0; at < stream.size(); at += piece)
        EXPECT_TRUE(parser.feed(stream.substr(at, piece), events).has_value());
    return events;
}

std::vector<SseEvent> parse(std::string_view stream) {
    return parse_in_pieces(stream, stream.size());
}

TEST(SseParser, FieldsCommentsAndLineEnds) {
    EXPECT_EQ(parse("data: a\n\n"), (std::vector<SseEvent>{{"", "a", ""}}));
    EXPECT_EQ(
        parse("event:x\r\ndata:a\r\ndata:  b\r\n\r\n"),
        (std::vector<SseEvent>{{"x", "a\n b", ""}}));
    EXPECT_EQ(
        parse(": comment\rdata:1\r\rdata:2\r\r"),
        (std::vector<SseEvent>{{"", "1", ""}, {"", "2", ""}}));
    EXPECT_EQ(
        parse("foo: bar\nretry: 10\nDATA: no\ndata\n\n"), (std::vector<SseEvent>{{"", "", ""}}));
    EXPECT_EQ(parse("data\ndata\n\n"), (std::vector<SseEvent>{{"", "\n", ""}}));
}

TEST(SseParser, AnEventWithoutDataOrEndIsNone) {
    EXPECT_TRUE(parse("event: x\nid: 1\n\n").empty());
    EXPECT_TRUE(parse("data: a\n").empty());
    EXPECT_TRUE(parse("data: a").empty());
    // The type of a dropped event does not stick to the next one.
    EXPECT_EQ(parse("event: x\n\ndata: a\n\n"), (std::vector<SseEvent>{{"", "a", ""}}));
}

TEST(SseParser, IdsStickAndThoseWithNulAreIgnored) {
    const std::string_view stream("id: 7\ndata: a\n\nid: 8\0\ndata: b\n\nid\ndata: c\n\n", 44);
    EXPECT_EQ(
        parse(stream), (std::vector<SseEvent>{{"", "a", "7"}, {"", "b", "7"}, {"", "c", ""}}));
}

TEST(SseParser, OneByteOrderMarkIsSkippedAtTheStartOnly) {
    EXPECT_EQ(
        parse("\xEF\xBB\xBF"
              "data: a\n\n"),
        (std::vector<SseEvent>{{"", "a", ""}}));
    EXPECT_TRUE(parse("\xEF\xBB\xBF\xEF\xBB\xBF"
                      "data: a\n\n")
                    .empty());
    EXPECT_EQ(
        parse("\n\xEF\xBB\xBF"
              "data: a\ndata: b\n\n"),
        (std::vector<SseEvent>{{"", "b", ""}}));
}

TEST(SseParser, MalformedUtf8IsReplaced) {
    EXPECT_EQ(
        parse("data: a\xFF"
              "b\n\n"),
        (std::vector<SseEvent>{
            {"",
             "a\xEF\xBF\xBD"
             "b",
             ""}}));
}

TEST(SseParser, EveryChunkingGivesTheSame) {
    const std::string_view stream =
        "\xEF\xBB\xBF: hi\r\nevent: one\r\ndata: {\"a\":\r\ndata: \"\xC3\xA9\xF0\x9F\x98\x80\"}\r\n"
        "\r\nid: 5\rdata: x\r\r\n\nevent: two\ndata:y\n\ndata: unfinished";
    const std::vector<SseEvent> whole = parse(stream);
    ASSERT_EQ(whole.size(), 3U);
    EXPECT_EQ(whole[0].data, "{\"a\":\n\"\xC3\xA9\xF0\x9F\x98\x80\"}");
    for (std::size_t piece = 1; piece < stream.size(); ++piece)
        EXPECT_EQ(parse_in_pieces(stream, piece), whole) << piece;
    for (std::size_t split = 0; split <= stream.size(); ++split) {
        SseParser parser;
        std::vector<SseEvent> events;
        ASSERT_TRUE(parser.feed(stream.substr(0, split), events).has_value());
        ASSERT_TRUE(parser.feed(stream.substr(split), events).has_value());
        EXPECT_EQ(events, whole) << split;
    }
}

TEST(SseParser, LinesAndEventsAreBounded) {
    const std::string line(SseParser::kEventLimitBytes - 10, 'x');
    std::vector<SseEvent> events;
    SseParser fits;
    EXPECT_TRUE(fits.feed("data:" + line + "\n\n", events).has_value());
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].data, line);

    SseParser long_line;
    EXPECT_TRUE(long_line.feed(":" + line, events).has_value());
    const Status refused = long_line.feed(line, events);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Errc::payload_too_large);
    EXPECT_FALSE(long_line.feed("\n\n", events).has_value());

    SseParser many_lines;
    EXPECT_TRUE(many_lines.feed("data:" + line + "\n", events).has_value());
    EXPECT_FALSE(many_lines.feed("data:" + line + "\n", events).has_value());
}

} // namespace
} // namespace kheish::codec
