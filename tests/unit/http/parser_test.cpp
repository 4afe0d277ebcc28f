#include "http/body_reader.hpp"
#include "http/header_values.hpp"
#include "http/limits.hpp"
#include "http/request_parser.hpp"

#include <gtest/gtest.h>

namespace kheish::http {
namespace {

Result<std::vector<std::string>> segments(std::string_view target) {
    return parse_target(target).map([](const Target& parsed) { return parsed.segments; });
}

TEST(Target, IsDecodedSegmentBySegment) {
    using Segments = std::vector<std::string>;
    EXPECT_EQ(*segments("/"), Segments{""});
    EXPECT_EQ(*segments("/v1/a%3Ab"), (Segments{"v1", "a:b"}));
    EXPECT_EQ(*segments("/v1//x/"), (Segments{"v1", "", "x", ""}));
    EXPECT_EQ(*segments("/a+b"), Segments{"a+b"});
    EXPECT_EQ(*segments("/%c3%a4"), Segments{"\xc3\xa4"});
    EXPECT_EQ(*segments("/..."), Segments{"..."});
    EXPECT_EQ(*segments("http://host:1/x?y=z"), Segments{"x"});
    EXPECT_EQ(*segments("http://host"), Segments{""});
    EXPECT_TRUE(parse_target("*")->asterisk);
}

TEST(Target, ThatHidesSomethingIsRefused) {
    for (const char* target :
         {"",
          "x",
          "https://host/x",
          "http://",
          "/%",
          "/%1",
          "/%1g",
          "/%2F",
          "/%2f",
          "/%00",
          "/%7F",
          "/.",
          "/a/../b",
          "/%2E%2e",
          "/a#b",
          "/?a=1&a=2",
          "/?a=%0a",
          "/?%"})
        EXPECT_EQ(parse_target(target).error().code, Errc::bad_request) << target;
    EXPECT_EQ(parse_target("/%80").error().code, Errc::invalid_utf8);
    EXPECT_EQ(parse_target("/%c0%af").error().code, Errc::invalid_utf8);
    EXPECT_EQ(parse_target("/%ed%a0%80").error().code, Errc::invalid_utf8);
}

TEST(Target, HasAQueryOfStrings) {
    const Target target = *parse_target("/x?a=1&b=c%20d+e&empty=&flag&&x=a%3Db=c");
    EXPECT_EQ(target.query.size(), 5U);
    EXPECT_EQ(target.query.find("b")->string(), "c d e");
    EXPECT_EQ(target.query.find("empty")->string(), "");
    EXPECT_EQ(target.query.find("flag")->string(), "");
    EXPECT_EQ(target.query.find("x")->string(), "a=b=c");
    std::string many = "/x?";
    for (std::size_t i = 0; i <= kQueryMemberLimit; ++i)
        many += "m" + std::to_string(i) + "=1&";
    EXPECT_EQ(parse_target(many).error().code, Errc::bad_request);
}

TEST(RequestParser, StopsBehindHeadAndBody) {
    RequestParser parser;
    const std::string head = "POST /x?y HTTP/1.1\r\nHost: h\r\nA:  b \r\nContent-Length: 3\r\n\r\n";
    EXPECT_TRUE(parser.is_idle());
    EXPECT_EQ(parser.feed(head + "abcGET"), head.size());
    ASSERT_EQ(parser.state(), RequestParser::State::head_ready);
    EXPECT_EQ(parser.feed("abc"), 0U);
    EXPECT_EQ(parser.request().method, "POST");
    EXPECT_EQ(parser.request().target, "/x?y");
    EXPECT_EQ(*parser.request().header("a"), "b");
    EXPECT_EQ(parser.request().content_length, 3U);
    EXPECT_TRUE(parser.request().keep_alive);
    parser.accept_body(3);
    EXPECT_EQ(parser.feed("abcGET"), 3U);
    ASSERT_EQ(parser.state(), RequestParser::State::complete);
    EXPECT_EQ(parser.request().body, "abc");
    parser.reset();
    EXPECT_TRUE(parser.is_idle());
    EXPECT_EQ(parser.request().header("a"), nullptr);
}

TEST(RequestParser, BoundsTheBody) {
    RequestParser parser;
    (void)parser.feed("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n");
    parser.accept_body(3);
    EXPECT_EQ(parser.state(), RequestParser::State::failed);
    EXPECT_EQ(parser.problem().status, 413);
}

TEST(RequestParser, KnowsWhenAConnectionEnds) {
    const auto keeps = [](const std::string& line, const std::string& header) {
        RequestParser parser;
        (void)parser.feed("GET / " + line + "\r\nHost: h\r\n" + header + "\r\n");
        EXPECT_EQ(parser.state(), RequestParser::State::head_ready);
        return parser.request().keep_alive;
    };
    EXPECT_TRUE(keeps("HTTP/1.1", ""));
    EXPECT_FALSE(keeps("HTTP/1.1", "Connection: close\r\n"));
    EXPECT_FALSE(keeps("HTTP/1.1", "Connection: x, Close\r\n"));
    EXPECT_FALSE(keeps("HTTP/1.0", ""));
    EXPECT_TRUE(keeps("HTTP/1.0", "Connection: keep-alive\r\n"));
}

class Chunks : public testing::Test {
  public:
    BodyReader::State read(std::string_view text, std::size_t limit = 100) {
        Request request;
        request.chunked = true;
        body.clear();
        reader.start(request, limit);
        taken = reader.feed(text, body);
        return reader.state();
    }
    BodyReader reader;
    std::string body;
    std::size_t taken = 0;
};

TEST_F(Chunks, AreJoined) {
    const std::string text = "3\r\nabc\r\nA;x=\"y\"\r\n0123456789\r\n000\r\nT: x\r\n\r\n";
    EXPECT_EQ(read(text + "GET"), BodyReader::State::complete);
    EXPECT_EQ(taken, text.size());
    EXPECT_EQ(body, "abc0123456789");
}

TEST_F(Chunks, ThatAreMalformedAreRefused) {
    for (const char* text :
         {"\r\n",
          "x\r\n",
          " 1\r\n",
          "+1\r\n",
          "0x1\r\n",
          "1\n",
          "1\r\nab",
          "1\r\na\n",
          "1\r\na\r\r",
          "10000000000000000\r\n",
          ";\r\n",
          "1\r;\r\n"})
        EXPECT_EQ(read(text), BodyReader::State::malformed) << text;
    EXPECT_EQ(read("1;" + std::string(kChunkLineLimitBytes, 'x')), BodyReader::State::malformed);
}

TEST_F(Chunks, AreBoundedAsAWhole) {
    EXPECT_EQ(
        read("64\r\n" + std::string(100, 'x') + "\r\n0\r\n\r\n"), BodyReader::State::complete);
    EXPECT_EQ(read("32\r\n" + std::string(50, 'x') + "\r\n33\r\nx"), BodyReader::State::too_large);
    EXPECT_EQ(read("ffffffffffffffff\r\nx"), BodyReader::State::too_large);
    std::string trailers = "0\r\n";
    while (trailers.size() <= chunk_overhead_limit_bytes(100))
        trailers += "T: " + std::string(500, 'x') + "\r\n";
    EXPECT_EQ(read(trailers), BodyReader::State::too_large);
}

TEST(HeaderValues, DatesAreThoseOfHttp) {
    EXPECT_EQ(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    EXPECT_EQ(http_date(951'782'400'000'000), "Tue, 29 Feb 2000 00:00:00 GMT");
    EXPECT_EQ(http_date(1'798'761'599'999'999), "Thu, 31 Dec 2026 23:59:59 GMT");
}

TEST(HeaderValues, JsonIsTheOnlyMediaType) {
    for (const char* value :
         {"application/json", "APPLICATION/JSON", "application/json; charset=UTF-8"})
        EXPECT_TRUE(is_json_media_type(value)) << value;
    for (const char* value :
         {"",
          "application",
          "application/jsonx",
          "application/problem+json",
          "text/json",
          "application/json; charset=latin1",
          "application/json, text/plain"})
        EXPECT_FALSE(is_json_media_type(value)) << value;
}

} // namespace
} // namespace kheish::http
