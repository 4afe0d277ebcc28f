#include "outbound/curl_http_client.hpp"

#include "loop_fixture.hpp"
#include "tiny_server.hpp"

#include <cstdlib>
#include <string>
#include <vector>

namespace kheish::outbound {
namespace {

using loop::TinyServer;
using std::chrono::milliseconds;

/// Records what it is told; refuses while `refuse` is set, holds answers while `hold` is.
class RecordedActions final : public ExternalActions {
  public:
    void begin(ExternalAction action, Responder<ExternalActionId> ready) override {
        begun.push_back(std::move(action));
        if (refuse)
            ready.fail(Errc::journal_unavailable, "the record is full");
        else if (hold)
            held.push_back(std::move(ready));
        else
            ready.answer(static_cast<ExternalActionId>(begun.size()));
    }
    void end(ExternalActionId id, ExternalOutcome outcome) override {
        ended.emplace_back(id, std::move(outcome));
    }

    bool refuse = false;
    bool hold = false;
    std::vector<ExternalAction> begun;
    std::vector<Responder<ExternalActionId>> held;
    std::vector<std::pair<ExternalActionId, ExternalOutcome>> ended;
};

class CurlHttpClientTest : public loop::LoopTest {
  protected:
    HttpRequest request(const std::string& url) {
        HttpRequest request;
        request.kind = "model_call";
        request.key = "run-1/turn-1/attempt-1";
        request.url = url;
        request.reach = Reach::configured;
        request.headers = {{"x-api-key", "secret"}};
        request.body = "{}";
        return request;
    }
    HttpHandlers handlers() {
        return {
            .on_head = [this](const HttpHead& head) { head_ = head; },
            .on_body = [this](std::string_view bytes) { body_ += bytes; },
            .on_finished =
                [this](const Finished& result) {
                    result_ = result;
                }};
    }
    void run(HttpRequest request) {
        call_ = client_.start(std::move(request), handlers());
        EXPECT_FALSE(result_.has_value()); // never from within start()
        ASSERT_TRUE(turn_until([this] { return result_.has_value(); }));
    }
    TransportError::Kind failure(HttpRequest request) {
        run(std::move(request));
        EXPECT_TRUE(result_ && !result_->has_value());
        return result_ && !*result_ ? result_->error().kind : TransportError::Kind::protocol;
    }

    using Finished = tl::expected<void, TransportError>;
    RecordedActions actions_;
    CurlHttpClient client_{loop(), timers(), actions_, {}};
    HttpHead head_;
    std::string body_;
    std::optional<Finished> result_;
    std::unique_ptr<HttpCall> call_;
};

TEST_F(CurlHttpClientTest, CarriesARequestAndItsAnswer) {
    const TinyServer server(
        loop(),
        "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        "HTTP/1.1 429 Slow\r\nRetry-After:  7 \r\nContent-Length: 5\r\n\r\nhello");
    run(request(server.url() + "v1?key=hidden"));
    ASSERT_TRUE(result_->has_value()) << result_->error().message;
    EXPECT_EQ(head_.status, 429);
    EXPECT_EQ(head_.header("retry-after"), "7");
    EXPECT_EQ(head_.header("link"), std::nullopt);
    EXPECT_EQ(body_, "hello");
    ASSERT_EQ(server.requests().size(), 1U);
    EXPECT_TRUE(server.requests()[0].starts_with("POST /v1?key=hidden HTTP/1.1\r\n"));
    EXPECT_NE(server.requests()[0].find("\r\nx-api-key: secret\r\n"), std::string::npos);
    EXPECT_TRUE(server.requests()[0].ends_with("\r\n\r\n{}"));

    ASSERT_EQ(actions_.begun.size(), 1U);
    EXPECT_EQ(actions_.begun[0].target, "POST " + server.url() + "v1");
    EXPECT_EQ(actions_.begun[0].key, "run-1/turn-1/attempt-1");
    EXPECT_EQ(actions_.begun[0].request_digest, codec::sha256("{}"));
    ASSERT_EQ(actions_.ended.size(), 1U);
    EXPECT_EQ(actions_.ended[0].second.kind, ExternalOutcome::Kind::answered);
    EXPECT_EQ(actions_.ended[0].second.status, 429);
    EXPECT_EQ(actions_.ended[0].second.response_bytes, 5);
    EXPECT_EQ(actions_.ended[0].second.response_digest, codec::sha256("hello"));
}

TEST_F(CurlHttpClientTest, NothingIsSentBeforeItsBeginIsRecorded) {
    const TinyServer server(loop(), "HTTP/1.1 204 No\r\n\r\n");
    actions_.hold = true;
    call_ = client_.start(request(server.url()), handlers());
    ASSERT_TRUE(turn_until([this] { return actions_.held.size() == 1; }));
    for (int i = 0; i < 5; ++i)
        loop().turn(false);
    EXPECT_EQ(server.open_connections(), 0U);
    actions_.held[0].answer(1);
    ASSERT_TRUE(turn_until([this] { return result_.has_value(); }));
    EXPECT_EQ(head_.status, 204);
}

TEST_F(CurlHttpClientTest, WithoutARecordNothingHappens) {
    const TinyServer server(loop(), "HTTP/1.1 204 No\r\n\r\n");
    actions_.refuse = true;
    EXPECT_EQ(failure(request(server.url())), TransportError::Kind::unrecorded);
    EXPECT_EQ(result_->error().message, "the record is full");
    EXPECT_EQ(server.open_connections(), 0U);
    EXPECT_TRUE(actions_.ended.empty());
}

TEST_F(CurlHttpClientTest, AnActionRecordedForACallThatIsGoneIsEnded) {
    actions_.hold = true;
    call_ = client_.start(request("http://127.0.0.1:1/"), handlers());
    ASSERT_TRUE(turn_until([this] { return actions_.held.size() == 1; }));
    call_.reset();
    actions_.held[0].answer(5);
    ASSERT_EQ(actions_.ended.size(), 1U);
    EXPECT_EQ(actions_.ended[0].first, 5);
    EXPECT_EQ(actions_.ended[0].second.kind, ExternalOutcome::Kind::aborted);
    EXPECT_FALSE(result_.has_value());
}

TEST_F(CurlHttpClientTest, TheGuardRefusesBeforeAnythingIsRecorded) {
    const TinyServer server(loop(), "HTTP/1.1 204 No\r\n\r\n");
    HttpRequest inside = request(server.url());
    inside.reach = Reach::global;
    EXPECT_EQ(failure(std::move(inside)), TransportError::Kind::refused);
    result_.reset();
    HttpRequest injected = request(server.url());
    injected.headers = {{"x-a", "b\r\nx-c: d"}};
    EXPECT_EQ(failure(std::move(injected)), TransportError::Kind::refused);
    EXPECT_TRUE(actions_.begun.empty());
    EXPECT_EQ(server.open_connections(), 0U);
}

TEST_F(CurlHttpClientTest, TheGuardJudgesTheAddressOfAName) {
    HttpRequest by_name = request("https://localhost:1/");
    by_name.reach = Reach::global;
    EXPECT_EQ(failure(std::move(by_name)), TransportError::Kind::refused);
    EXPECT_NE(result_->error().message.find("loopback"), std::string::npos);
}

TEST_F(CurlHttpClientTest, RedirectsAreAnswersLikeAnyOther) {
    const TinyServer server(
        loop(), "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
    run(request(server.url()));
    EXPECT_TRUE(result_->has_value());
    EXPECT_EQ(head_.status, 302);
    EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(CurlHttpClientTest, ProxiesOfTheEnvironmentAreNotUsed) {
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    const TinyServer server(loop(), "HTTP/1.1 204 No\r\n\r\n");
    run(request(server.url()));
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    EXPECT_TRUE(result_->has_value());
}

TEST_F(CurlHttpClientTest, TypedTransportErrors) {
    const TinyServer cut(loop(), "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", true);
    EXPECT_EQ(failure(request(cut.url())), TransportError::Kind::cut);
    EXPECT_EQ(body_, "hello");
    EXPECT_EQ(actions_.ended[0].second.kind, ExternalOutcome::Kind::failed);
    result_.reset();
    const TinyServer garbage(loop(), "what is this\r\n\r\n", true);
    EXPECT_EQ(failure(request(garbage.url())), TransportError::Kind::protocol);
    result_.reset();
    std::string closed_port;
    { closed_port = TinyServer(loop(), "").url(); }
    EXPECT_EQ(failure(request(closed_port)), TransportError::Kind::connect);
    result_.reset();
    const TinyServer plain(loop(), "HTTP/1.1 200 OK\r\n\r\n", true);
    EXPECT_EQ(failure(request("https" + plain.url().substr(4))), TransportError::Kind::tls);
}

TEST_F(CurlHttpClientTest, BoundsTheAnswer) {
    const TinyServer server(loop(), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    HttpRequest bounded = request(server.url());
    bounded.response_limit_bytes = 4;
    EXPECT_EQ(failure(std::move(bounded)), TransportError::Kind::too_large);
    EXPECT_EQ(body_, "");
    result_.reset();
    const TinyServer long_head(
        loop(), "HTTP/1.1 200 OK\r\nA: " + std::string(70'000, 'a') + "\r\n\r\n");
    EXPECT_EQ(failure(request(long_head.url())), TransportError::Kind::too_large);
}

TEST_F(CurlHttpClientTest, TimesOut) {
    const TinyServer silent(loop(), "");
    HttpRequest no_head = request(silent.url());
    no_head.head_timeout = milliseconds(20);
    EXPECT_EQ(failure(std::move(no_head)), TransportError::Kind::timeout);
    result_.reset();
    const TinyServer stalling(loop(), "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello");
    HttpRequest no_rest = request(stalling.url());
    no_rest.idle_timeout = milliseconds(20);
    EXPECT_EQ(failure(std::move(no_rest)), TransportError::Kind::timeout);
    EXPECT_EQ(result_->error().message, "the answer stopped coming");
    result_.reset();
    HttpRequest too_long = request(stalling.url());
    too_long.total_timeout = milliseconds(20);
    EXPECT_EQ(failure(std::move(too_long)), TransportError::Kind::timeout);
}

TEST_F(CurlHttpClientTest, DestroyingTheCallAbortsItFromAnywhere) {
    const TinyServer server(loop(), "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello");
    for (const std::string where : {"head", "body"}) {
        HttpHandlers aborting = handlers();
        const std::string capture(100, 'c');
        if (where == "head")
            aborting.on_head = [this, capture](const HttpHead&) {
                call_.reset();
            };
        else
            aborting.on_body = [this, capture](std::string_view) {
                call_.reset();
            };
        aborting.on_finished = [](const Finished&) {
            FAIL() << "called after the abort";
        };
        call_ = client_.start(request(server.url()), std::move(aborting));
        ASSERT_TRUE(turn_until([this] { return call_ == nullptr; })) << where;
        ASSERT_TRUE(turn_until([&server] { return server.open_connections() == 0; })) << where;
    }
    ASSERT_EQ(actions_.ended.size(), 2U);
    EXPECT_EQ(actions_.ended[0].second.kind, ExternalOutcome::Kind::aborted);
    EXPECT_EQ(actions_.ended[1].second.kind, ExternalOutcome::Kind::aborted);
    EXPECT_EQ(actions_.ended[1].second.response_bytes, 5);
}

TEST_F(CurlHttpClientTest, TheCallMayBeDestroyedInItsLastHandler) {
    const TinyServer server(loop(), "HTTP/1.1 204 No\r\n\r\n");
    HttpHandlers last = handlers();
    bool finished = false;
    last.on_finished = [this, &finished](const Finished&) {
        call_.reset();
        finished = true;
    };
    call_ = client_.start(request(server.url()), std::move(last));
    EXPECT_TRUE(turn_until([&finished] { return finished; }));
    EXPECT_EQ(actions_.ended.size(), 1U);
}

} // namespace
} // namespace kheish::outbound
