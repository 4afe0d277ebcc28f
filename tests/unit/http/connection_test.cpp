#include "edge_fixture.hpp"

namespace kheish::http {
namespace {

class Connections : public Edge {};

TEST_F(Connections, StayOpenBetweenRequests) {
    Client client = connect();
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(client.ask(get("/healthz")).status, 200);
    EXPECT_FALSE(client.closed());
    const Answer last = client.ask(get("/healthz", "Connection: close\r\n"));
    EXPECT_EQ(last.header("connection"), "close");
    EXPECT_TRUE(client.closed());
}

TEST_F(Connections, OfHttp10CloseUnlessAskedToStay) {
    Client client = connect();
    const Answer stay = client.ask("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_EQ(stay.header("connection"), "keep-alive");
    const Answer answer = client.ask("GET /healthz HTTP/1.0\r\n\r\n");
    EXPECT_EQ(answer.body, "ok\n");
    EXPECT_EQ(answer.header("connection"), "close");
    EXPECT_TRUE(client.closed());
}

TEST_F(Connections, AnswerPipelinedRequestsInOrderHoweverTheyAreCut) {
    const std::string first = get("/v1/runs/run-1");
    const std::string second =
        "POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n9;ext=1\r\n{\"session\r\n9\r\n_id\":\"a\"}\r\n"
        "0\r\nTrailer: x\r\n\r\n";
    const std::string requests =
        first + second + "\r\n" + post("/v1/runs/run-1/cancel", "{}") + get("/healthz");
    for (std::size_t cut = 0; cut <= requests.size(); ++cut) {
        service.changes.clear();
        Client client = connect();
        client.send(requests.substr(0, cut));
        settle();
        client.send(requests.substr(cut));
        (void)client.receive();
        std::vector<int> statuses;
        while (std::optional<Answer> answer = take_answer(client.received))
            statuses.push_back(answer->status);
        EXPECT_EQ(statuses, (std::vector<int>{200, 201, 200, 200})) << "cut at " << cut;
        EXPECT_EQ(service.changes, (std::vector<std::string>{"create a", "cancel run-1 "}));
    }
}

TEST_F(Connections, TakeRequestsByteByByte) {
    Client client = connect();
    for (const char c : post("/v1/sessions", R"({"session_id":"slow"})"))
        client.send(std::string_view(&c, 1));
    EXPECT_EQ(client.ask("").status, 201);
}

TEST_F(Connections, MakePipelinedRequestsWaitForTheReplyBefore) {
    service.hold = true;
    Client client = connect();
    client.send(post("/v1/runs/run-1/cancel", "{}") + get("/healthz"));
    EXPECT_EQ(client.receive(), "");
    service.release();
    EXPECT_EQ(client.ask("").json().find("run_id")->string(), "run-1");
    EXPECT_EQ(take_answer(client.received)->body, "ok\n");
}

TEST_F(Connections, AnswerManyPipelinedRequests) {
    std::string requests;
    for (int i = 0; i < 500; ++i)
        requests += get("/healthz");
    Client client = connect();
    client.send(requests);
    (void)client.receive();
    int count = 0;
    while (std::optional<Answer> answer = take_answer(client.received))
        count += answer->status == 200 ? 1 : 0;
    EXPECT_EQ(count, 500);
}

TEST_F(Connections, StopReadingFromAClientThatDoesNotTakeReplies) {
    service.runs[RunId{1}] = codec::Json::object({{"text", std::string(10'000, 'x')}});
    std::string requests;
    for (int i = 0; i < 200; ++i)
        requests += get("/v1/runs/run-1", "Pad: " + std::string(8000, 'x') + "\r\n");
    Client client = connect();
    std::string_view rest = requests;
    for (int refused = 0; refused < 3 && !rest.empty(); ++refused) {
        ssize_t size = 0;
        while ((size = ::send(client.fd(), rest.data(), rest.size(), MSG_DONTWAIT)) > 0)
            rest.remove_prefix(static_cast<std::size_t>(size));
        settle();
    }
    EXPECT_FALSE(rest.empty()) << "nobody reads requests while replies wait";
    client.send(rest);
    (void)client.receive();
    int answers = 0;
    while (take_answer(client.received))
        ++answers;
    EXPECT_EQ(answers, 200);
}

TEST_F(Connections, InviteABodyThatTheyWillTake) {
    Client client = connect();
    client.send("POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    EXPECT_EQ(client.receive(), "HTTP/1.1 100 Continue\r\n\r\n");
    client.received.clear();
    EXPECT_EQ(client.ask("{}").status, 201);
    const Answer refused =
        client.ask("POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                   "Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n");
    EXPECT_EQ(refused.status, 413);
    EXPECT_EQ(refused.header("connection"), "close");
}

TEST_F(Connections, IgnoreOffersToUpgrade) {
    Client client = connect();
    const Answer answer =
        client.ask(get("/healthz", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"));
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(client.ask(get("/healthz")).status, 200);
}

TEST_F(Connections, TakeTheAbsoluteForm) {
    Client client = connect();
    EXPECT_EQ(client.ask(get("http://localhost/healthz")).status, 200);
    EXPECT_EQ(client.ask(get("HTTP://localhost:80/v1/runs?limit=1")).status, 200);
}

TEST_F(Connections, AnswerAClientThatHasFinishedSending) {
    service.hold = true;
    Client client = connect();
    client.send(post("/v1/runs/run-1/cancel", "{}"));
    client.finish_sending();
    settle();
    service.release();
    EXPECT_EQ(client.ask("").status, 200);
    EXPECT_TRUE(client.closed());
    EXPECT_EQ(server.connections(), 0U);
}

TEST_F(Connections, AreForgottenWhenTheClientGoesAway) {
    for (const std::string& sent :
         {std::string(), std::string("GET /hea"), post("/v1/sessions", "{}").substr(0, 60)}) {
        Client client = connect();
        client.send(sent);
        settle();
        EXPECT_EQ(server.connections(), 1U);
        client.disconnect();
        settle();
        EXPECT_EQ(server.connections(), 0U) << sent;
    }
    EXPECT_TRUE(service.changes.empty());
}

TEST_F(Connections, ThatAreIdleAreClosedQuietly) {
    Client client = connect();
    (void)client.ask(get("/healthz"));
    pass(kIdleTimeout);
    (void)client.receive();
    EXPECT_FALSE(client.closed());
    pass(kTick + kTick);
    EXPECT_EQ(client.receive(), "");
    EXPECT_TRUE(client.closed());
}

TEST_F(Connections, WithSlowHeadsAreRefused) {
    Client client = connect();
    client.send("GET /healthz HTTP/1.1\r\n");
    settle();
    for (std::chrono::seconds second{0}; second <= kHeaderTimeout; ++second) {
        client.send("A: b\r\n");
        pass(kTick);
    }
    const Answer answer = client.ask("");
    EXPECT_EQ(answer.status, 408);
    EXPECT_EQ(answer.code(), "request_timeout");
    EXPECT_TRUE(client.closed());
}

TEST_F(Connections, WithSlowBodiesAreRefused) {
    Client client = connect();
    const std::string request = post("/v1/sessions", "{}");
    client.send(request.substr(0, request.size() - 1));
    pass(kBodyTimeout + kTick);
    EXPECT_EQ(client.ask("").status, 408);
    EXPECT_TRUE(service.changes.empty());
}

TEST_F(Connections, WhoseClientTakesNothingAreClosed) {
    service.runs[RunId{1}] = codec::Json::object({{"text", std::string(4'000'000, 'x')}});
    Client client = connect();
    client.send(get("/v1/runs/run-1"));
    settle();
    pass(kWriteStallTimeout + kTick);
    EXPECT_EQ(server.connections(), 0U);
}

TEST_F(Connections, LetAClientThatIsStillSendingSeeTheReply) {
    Client client = connect();
    const std::string body(200'000, ' ');
    const Answer answer = client.ask(post("/v1/sessions", body));
    EXPECT_EQ(answer.status, 413);
    EXPECT_EQ(answer.header("connection"), "close");
    pass(kLingerTimeout + kTick);
    EXPECT_EQ(server.connections(), 0U);
}

class FewConnections : public Edge {
  public:
    FewConnections()
        : Edge(Limits{
              .connections = {3, 2},
              .requests = {2, 1},
              .streams = {2, 1},
              .body_bytes = {32 * kMebibyte, 16 * kMebibyte},
          }) {}
};

TEST_F(FewConnections, AreSharedBetweenPeers) {
    Client first = connect();
    Client second = connect();
    Client third = connect();
    const Answer refused = third.ask("");
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(refused.code(), "rate_limited");
    EXPECT_EQ(refused.header("retry-after"), "1");
    EXPECT_TRUE(third.closed());
    identity.uid = 2000;
    Client other = connect();
    EXPECT_EQ(other.ask(get("/healthz")).status, 200);
    identity.uid = 3000;
    Client last = connect();
    EXPECT_EQ(last.ask("").status, 503);
    second.disconnect();
    settle();
    Client again = connect();
    EXPECT_EQ(again.ask(get("/healthz")).status, 200);
}

TEST_F(FewConnections, LimitRequestsInFlight) {
    service.hold = true;
    Client first = connect();
    first.send(post("/v1/runs/run-1/cancel", "{}"));
    settle();
    Client second = connect();
    const Answer refused = second.ask(get("/healthz"));
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(refused.code(), "rate_limited");
    service.release();
    EXPECT_EQ(first.ask("").status, 200);
    EXPECT_EQ(second.ask(get("/healthz")).status, 200);
}

TEST_F(FewConnections, LimitBytesOfBodies) {
    Client first = connect();
    const std::string head = "POST /v1/sessions/demo/runs HTTP/1.1\r\nHost: x\r\n"
                             "Content-Type: application/json\r\n";
    first.send(head + "Content-Length: 16777216\r\n\r\n{");
    settle();
    identity.uid = 2000;
    Client other = connect();
    other.send(head + "Transfer-Encoding: chunked\r\n\r\n");
    settle();
    identity.uid = 3000;
    Client last = connect();
    EXPECT_EQ(last.ask(post("/v1/sessions", "{}")).status, 503);
    first.disconnect();
    settle();
    EXPECT_EQ(last.ask("").status, 0) << "one reply, and the connection is over";
}

TEST_F(FewConnections, LimitStreams) {
    Client first = connect();
    first.send(get("/v1/events/stream"));
    EXPECT_NE(first.receive().find("200 OK"), std::string::npos);
    Client second = connect();
    EXPECT_EQ(second.ask(get("/v1/events/stream")).status, 429);
    first.disconnect();
    settle();
    EXPECT_EQ(server.streams(), 0U);
}

} // namespace
} // namespace kheish::http
