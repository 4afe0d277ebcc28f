#include "edge_fixture.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace kheish::http {
namespace {

class Draining : public Edge {
  public:
    void start_draining() {
        server.drain(std::chrono::seconds(5), [this] { ++drained; });
    }
    int drained = 0;
};

TEST_F(Draining, ClosesIdleConnectionsAndIsDone) {
    Client idle = connect();
    (void)idle.ask(get("/healthz"));
    start_draining();
    (void)idle.receive();
    EXPECT_TRUE(idle.closed());
    EXPECT_EQ(idle.received, "");
    EXPECT_EQ(drained, 1);
}

TEST_F(Draining, AnswersWhoeverHasJustConnected) {
    Client quick = connect();
    Client silent = connect();
    settle();
    start_draining();
    settle();
    EXPECT_FALSE(quick.closed());
    EXPECT_EQ(quick.ask(get("/healthz")).status, 200);
    EXPECT_TRUE(quick.closed());
    EXPECT_EQ(drained, 0);
    pass(kFirstRequestGrace + 2 * kTick);
    (void)silent.receive();
    EXPECT_TRUE(silent.closed());
    EXPECT_EQ(silent.received, "");
    EXPECT_EQ(drained, 1);
}

TEST_F(Draining, KnowsItsPeersAfterTheListenersAreGone) {
    Fd listening(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socklen_t length = sizeof(sa_family_t); // unix(7): the kernel chooses an abstract name
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    ASSERT_EQ(bind(listening.get(), generic, length), 0);
    ASSERT_EQ(::listen(listening.get(), 4), 0);
    length = sizeof(address);
    ASSERT_EQ(getsockname(listening.get(), generic, &length), 0);
    ASSERT_TRUE(server.listen(std::move(listening), std::make_unique<FakeIdentity>()));
    Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(fd.get(), generic, length), 0);
    ASSERT_EQ(fcntl(fd.get(), F_SETFL, O_NONBLOCK), 0);
    Client client(*this, std::move(fd));
    settle();
    ASSERT_EQ(server.connections(), 1U);
    start_draining();
    settle();
    EXPECT_EQ(client.ask(get("/v1/status")).status, 200);
    settle();
    EXPECT_EQ(drained, 1);
}

TEST_F(Draining, LetsRequestsFinish) {
    service.hold = true;
    Client busy = connect();
    busy.send(post("/v1/runs/run-1/cancel", "{}"));
    Client half = connect();
    half.send("GET /healthz HTTP/1.1\r\n");
    settle();
    start_draining();
    settle();
    EXPECT_EQ(drained, 0);
    service.release();
    const Answer answer = busy.ask("");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.header("connection"), "close");
    EXPECT_EQ(half.ask("Host: x\r\n\r\n").status, 200);
    settle();
    EXPECT_EQ(drained, 1);
}

TEST_F(Draining, AnswersWhatTakesTooLong) {
    Client waiting = connect();
    waiting.send(post("/v1/sessions/demo/input", R"({"content":"long"})"));
    settle();
    start_draining();
    pass(std::chrono::seconds(6));
    const Answer answer = waiting.ask("");
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.code(), "daemon_draining");
    EXPECT_EQ(drained, 1);
    service.rest_runs();
}

TEST_F(Draining, EndsStreamsBehindAWholeFrame) {
    Client client = connect();
    client.send(get("/v1/events/stream?cursor=0"));
    settle();
    service.publish("trace", R"({"type":"trace"})");
    start_draining();
    (void)client.receive();
    EXPECT_TRUE(client.closed());
    bool ended = false;
    const std::string text =
        dechunk(client.received.substr(client.received.find("\r\n\r\n") + 4), &ended);
    EXPECT_TRUE(ended);
    EXPECT_TRUE(text.ends_with("id: 1\nevent: trace\ndata: {\"type\":\"trace\"}\n\n"));
    EXPECT_EQ(drained, 1);
}

TEST_F(Draining, WithoutConnectionsIsDoneAtOnce) {
    start_draining();
    settle();
    EXPECT_EQ(drained, 1);
    EXPECT_EQ(timers.pending(), 0U);
}

} // namespace
} // namespace kheish::http
