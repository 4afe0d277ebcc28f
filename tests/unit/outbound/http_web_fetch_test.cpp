#include "outbound/http_web_fetch.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kheish::outbound {
namespace {

class FakeClient final : public HttpClient {
  public:
    struct Call {
        HttpRequest request;
        HttpHandlers handlers;
        bool is_over = false;
    };
    std::unique_ptr<HttpCall> start(HttpRequest request, HttpHandlers handlers) override {
        class Held final : public HttpCall {
          public:
            explicit Held(std::shared_ptr<Call> call) : call_(std::move(call)) {}
            ~Held() override { call_->is_over = true; }

          private:
            std::shared_ptr<Call> call_;
        };
        calls.push_back(std::make_shared<Call>(Call{std::move(request), std::move(handlers)}));
        return std::make_unique<Held>(calls.back());
    }
    std::vector<std::shared_ptr<Call>> calls;
};

class HttpWebFetchTest : public ::testing::Test {
  protected:
    void ask(const std::string& url, std::int64_t offset = 0) {
        WebRequest request;
        request.key = "run-1/call-1-0/execution-1";
        request.url = *codec::parse_url(url);
        request.offset = offset;
        request.text_limit_bytes = 20;
        request.body_limit_bytes = 1000;
        request.redirects = 2;
        call_ = web_.start(std::move(request), [this](WebAnswer answer) {
            EXPECT_FALSE(answer_) << "once";
            answer_ = std::move(answer);
            call_.reset();
        });
        EXPECT_FALSE(answer_);
    }
    /// The server's answer to the last request.
    void serve(int status, const HeaderList& headers, const std::string& body = "") {
        const std::shared_ptr<FakeClient::Call> call = client_.calls.back();
        call->handlers.on_head({.status = status, .headers = headers});
        if (!call->is_over)
            call->handlers.on_body(body);
        if (!call->is_over)
            call->handlers.on_finished({});
    }
    std::string asked(std::size_t i) const { return client_.calls.at(i)->request.url; }

    FakeClient client_;
    HttpWebFetch web_{
        client_,
        {*codec::parse_host_pattern("wiki.example:8080"),
         *codec::parse_host_pattern("*.intern.example")}};
    std::optional<WebAnswer> answer_;
    std::unique_ptr<WebCall> call_;
};

const HeaderList kHtml{{"content-type", "text/html"}};

TEST_F(HttpWebFetchTest, APageIsMadeText) {
    ask("https://docs.example.com/a");
    const HttpRequest& request = client_.calls.front()->request;
    EXPECT_EQ(request.method, "GET");
    EXPECT_EQ(request.kind, "web_fetch");
    EXPECT_EQ(request.key, "run-1/call-1-0/execution-1");
    EXPECT_EQ(request.reach, Reach::global);
    EXPECT_TRUE(request.body.empty());
    serve(200, kHtml, "<p>Hello</p>");
    ASSERT_TRUE(answer_);
    EXPECT_EQ(answer_->kind, WebAnswer::Kind::ok);
    EXPECT_EQ(answer_->text, "https://docs.example.com/a (HTTP 200)\n\nHello");
    EXPECT_FALSE(answer_->truncated);
}

TEST_F(HttpWebFetchTest, OnlyHostsThatTheOperatorNamedMayBeInside) {
    for (const auto& [url, reach] : std::vector<std::pair<std::string, Reach>>{
             {"http://wiki.example:8080/", Reach::configured},
             {"http://wiki.example/", Reach::global},
             {"https://a.intern.example/", Reach::configured},
             {"https://intern.example/", Reach::global},
             {"https://127.0.0.1/", Reach::global}}) {
        ask(url);
        EXPECT_EQ(client_.calls.back()->request.reach, reach) << url;
    }
}

TEST_F(HttpWebFetchTest, ARedirectStaysOnItsHost) {
    ask("http://docs.example.com/a");
    serve(301, {{"location", "https://docs.example.com/b?c"}});
    ASSERT_EQ(client_.calls.size(), 2U);
    EXPECT_EQ(asked(1), "https://docs.example.com/b?c");
    EXPECT_EQ(client_.calls.back()->request.key, "run-1/call-1-0/execution-1/redirect-1");
    serve(302, {{"location", "../d"}});
    ASSERT_EQ(client_.calls.size(), 3U);
    EXPECT_EQ(asked(2), "https://docs.example.com/d");
    serve(302, {{"location", "/e"}});
    EXPECT_EQ(client_.calls.size(), 3U) << "two are followed";
    ASSERT_TRUE(answer_);
    EXPECT_EQ(answer_->kind, WebAnswer::Kind::failed);
    EXPECT_NE(answer_->text.find("without end"), std::string::npos);
}

TEST_F(HttpWebFetchTest, AnotherHostIsNamedAndNotAsked) {
    for (const std::string location :
         {"https://evil.example/x",
          "//evil.example/x",
          "https://docs.example.com:8443/",
          "http://docs.example.com/",
          "https://docs.example.com.evil.example/"}) {
        answer_.reset();
        ask("https://docs.example.com/a");
        const std::size_t before = client_.calls.size();
        serve(302, {{"location", location}});
        EXPECT_EQ(client_.calls.size(), before) << location;
        ASSERT_TRUE(answer_) << location;
        EXPECT_EQ(answer_->kind, WebAnswer::Kind::failed);
        EXPECT_NE(answer_->text.find("has moved to another place: "), std::string::npos);
    }
    for (const HeaderList& headers : std::vector<HeaderList>{
             {},
             {{"location", "file:///etc/passwd"}},
             {{"location", "https://a@docs.example.com/"}}}) {
        answer_.reset();
        ask("https://docs.example.com/a");
        serve(302, headers);
        ASSERT_TRUE(answer_);
        EXPECT_NE(answer_->text.find("nobody can follow"), std::string::npos) << answer_->text;
    }
}

TEST_F(HttpWebFetchTest, WhatIsNoTextIsNotTaken) {
    for (const HeaderList& headers : std::vector<HeaderList>{
             {{"content-type", "image/png"}},
             {{"content-type", "text/html"}, {"content-encoding", "gzip"}}}) {
        answer_.reset();
        ask("https://docs.example.com/a");
        serve(200, headers, "x");
        ASSERT_TRUE(answer_);
        EXPECT_EQ(answer_->kind, WebAnswer::Kind::failed);
        EXPECT_TRUE(client_.calls.back()->is_over) << "the rest is not waited for";
    }
    answer_.reset();
    ask("https://docs.example.com/a");
    serve(200, {{"content-type", "image/\xff" + std::string(60'000, 'x')}});
    ASSERT_TRUE(answer_);
    EXPECT_NE(answer_->text.find(R"(is image/\xff)"), std::string::npos) << "as text, and not all";
    EXPECT_LT(answer_->text.size(), 300U);
    answer_.reset();
    ask("https://docs.example.com/a");
    serve(200, {{"content-type", "text/plain"}}, std::string("a\0b", 3));
    ASSERT_TRUE(answer_);
    EXPECT_EQ(answer_->kind, WebAnswer::Kind::failed);
}

TEST_F(HttpWebFetchTest, ALongPageComesInParts) {
    const std::string page = "0123456789\xc3\xbc"
                             "abcdefghijklmnop";
    ask("https://docs.example.com/a");
    serve(200, {}, page);
    ASSERT_TRUE(answer_);
    EXPECT_TRUE(answer_->truncated);
    EXPECT_NE(
        answer_->text.find("0123456789\xc3\xbc"
                           "abcdefgh\n[8 more bytes: go on with offset 20]"),
        std::string::npos)
        << answer_->text;
    answer_.reset();
    ask("https://docs.example.com/a", 20);
    serve(200, {}, page);
    EXPECT_TRUE(answer_->text.ends_with("\n\nijklmnop")) << answer_->text;
    answer_.reset();
    ask("https://docs.example.com/a", 11); // within a character: before it
    serve(200, {}, page);
    EXPECT_NE(
        answer_->text.find("\n\n\xc3\xbc"
                           "abc"),
        std::string::npos);
    answer_.reset();
    ask("https://docs.example.com/a", 4000);
    serve(200, {}, page);
    EXPECT_TRUE(answer_->text.ends_with("(HTTP 200)\n\n"));
    EXPECT_FALSE(answer_->truncated);
}

TEST_F(HttpWebFetchTest, ErrorsAreToldAsWhatTheyAre) {
    ask("https://docs.example.com/a");
    serve(404, kHtml, "<h1>Not here</h1>");
    EXPECT_EQ(answer_->kind, WebAnswer::Kind::failed);
    EXPECT_EQ(answer_->text, "https://docs.example.com/a (HTTP 404)\n\nNot here");
    answer_.reset();
    ask("https://docs.example.com/a");
    client_.calls.back()->handlers.on_finished(
        tl::unexpected(TransportError{TransportError::Kind::timeout, "no answer came in time"}));
    EXPECT_EQ(answer_->kind, WebAnswer::Kind::timed_out);
    answer_.reset();
    ask("https://docs.example.com/a");
    client_.calls.back()->handlers.on_finished(tl::unexpected(
        TransportError{TransportError::Kind::refused, "leads to a private address"}));
    EXPECT_EQ(answer_->kind, WebAnswer::Kind::failed);
    EXPECT_EQ(answer_->text, "https://docs.example.com/a: leads to a private address");
}

TEST_F(HttpWebFetchTest, WhoeverLosesInterestHearsNothing) {
    ask("https://docs.example.com/a");
    call_.reset();
    EXPECT_TRUE(client_.calls.back()->is_over);
}

} // namespace
} // namespace kheish::outbound
