#include "edge_fixture.hpp"

namespace kheish::http {
namespace {

class Streams : public Edge {
  public:
    /// The events that a stream has brought so far.
    static std::string events(Client& client) {
        const std::string& text = client.receive();
        return dechunk(std::string_view(text).substr(text.find("\r\n\r\n") + 4));
    }
    Client follow(const std::string& path, const std::string& headers = "") {
        Client client = connect();
        client.send(get(path, headers));
        settle();
        return client;
    }
    void publish(int count, std::size_t bytes = 0) {
        for (int i = 0; i < count; ++i)
            service.publish(
                "trace", R"({"type":"trace","pad":")" + std::string(bytes, 'x') + R"("})");
    }
    static std::vector<int> ids(const std::string& text) {
        std::vector<int> found;
        for (std::size_t at = text.find("id: "); at != std::string::npos;
             at = text.find("\nid: ", at + 1)) {
            const std::size_t start = text.find(' ', at) + 1;
            found.push_back(parse_number<int>(std::string_view(text).substr(
                                                  start, text.find('\n', start) - start))
                                .value_or(-1));
        }
        return found;
    }
    static std::vector<int> range(int first, int last) {
        std::vector<int> numbers;
        for (int i = first; i <= last; ++i)
            numbers.push_back(i);
        return numbers;
    }
};

TEST_F(Streams, HaveTheHeadersOfServerSentEvents) {
    Client client = connect();
    client.send(get("/v1/events/stream"));
    std::string text = client.receive();
    const Answer head = take_answer(text, true).value_or(Answer{});
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.header("content-type"), "text/event-stream");
    EXPECT_EQ(head.header("cache-control"), "no-store");
    EXPECT_EQ(head.header("x-accel-buffering"), "no");
    EXPECT_EQ(head.header("transfer-encoding"), "chunked");
    EXPECT_EQ(dechunk(text), ": kheish event stream\nretry: 1000\n\n");
}

TEST_F(Streams, BringOneFrameForEachEvent) {
    Client client = follow("/v1/events/stream");
    service.publish("run_updated", R"({"type":"run_updated"})");
    EXPECT_TRUE(events(client).ends_with(
        "id: 1\nevent: run_updated\ndata: {\"type\":\"run_updated\"}\n\n"));
    service.publish_transient("text_delta", R"({"type":"text_delta"})");
    EXPECT_TRUE(
        events(client).ends_with("\n\nevent: text_delta\ndata: {\"type\":\"text_delta\"}\n\n"));
}

TEST_F(Streams, OfHttp10AreNotChunked) {
    Client client = connect();
    client.send("GET /v1/events/stream HTTP/1.0\r\n\r\n");
    settle();
    publish(1);
    const std::string text = client.receive();
    EXPECT_EQ(text.find("chunked"), std::string::npos);
    EXPECT_NE(text.find("\r\n\r\n: kheish event stream\n"), std::string::npos);
    EXPECT_TRUE(text.ends_with("\"}\n\n"));
}

TEST_F(Streams, BeginAtTheEndWithoutACursor) {
    publish(3);
    Client client = follow("/v1/events/stream");
    publish(2);
    EXPECT_EQ(ids(events(client)), (std::vector<int>{4, 5}));
    EXPECT_FALSE(service.last_cursor);
}

TEST_F(Streams, GoOnBehindTheirCursor) {
    publish(5);
    Client query = follow("/v1/events/stream?cursor=2");
    EXPECT_EQ(ids(events(query)), range(3, 5));
    Client header = follow("/v1/events/stream", "Last-Event-ID: 4\r\n");
    EXPECT_EQ(ids(events(header)), range(5, 5));
    Client both = follow("/v1/events/stream?cursor=1", "Last-Event-ID: 3\r\n");
    EXPECT_EQ(ids(events(both)), range(4, 5));
    Client all = follow("/v1/events/stream?cursor=0");
    EXPECT_EQ(ids(events(all)), range(1, 5));
    publish(1);
    EXPECT_EQ(ids(events(query)), range(3, 6));
    EXPECT_EQ(ids(events(all)), range(1, 6));
}

TEST_F(Streams, PassTheirFilterOn) {
    Client session = follow("/v1/sessions/demo/stream");
    EXPECT_EQ(service.last_filter.session, SessionId{"demo"});
    Client run = follow("/v1/runs/run-1/stream?cursor=7");
    EXPECT_EQ(service.last_filter.run, RunId{1});
    EXPECT_EQ(service.last_cursor, 7);
    Client both = follow("/v1/events/stream?session_id=demo&run_id=run-1");
    EXPECT_EQ(service.last_filter.session, SessionId{"demo"});
    EXPECT_EQ(service.last_filter.run, RunId{1});
}

TEST_F(Streams, BeatWhenNothingHappens) {
    Client client = follow("/v1/events/stream");
    (void)events(client);
    pass(Limits{}.heartbeat - kTick);
    EXPECT_EQ(events(client).find("heartbeat"), std::string::npos);
    pass(kTick);
    EXPECT_TRUE(
        events(client).ends_with("\n\nevent: heartbeat\ndata: {\"type\":\"heartbeat\"}\n\n"));
    publish(1);
    pass(Limits{}.heartbeat - kTick);
    EXPECT_TRUE(events(client).ends_with("\"pad\":\"\"}\n\n"));
}

TEST_F(Streams, ReplayALongJournalWithoutGapOrDuplicate) {
    publish(3000, 1000);
    Client client = follow("/v1/events/stream?cursor=0");
    EXPECT_EQ(ids(events(client)), range(1, 3000));
}

TEST_F(Streams, CostNothingForASlowReader) {
    publish(20'000, 1000);
    Client client = follow("/v1/events/stream?cursor=0");
    for (int i = 0; i < 100; ++i)
        settle();
    std::size_t read_by_server = 0;
    for (const FakeService::Reader* reader : service.readers)
        read_by_server = static_cast<std::size_t>(reader->position()) * 1000;
    EXPECT_LT(read_by_server, 2 * kStreamBufferLimitBytes) << "the socket's buffer is in there too";
    service.publish_transient("text_delta", R"({"type":"text_delta"})");
    const std::string text = events(client);
    EXPECT_EQ(ids(text), range(1, 20'000)) << "whoever reads on gets everything";
    EXPECT_EQ(text.find("text_delta"), std::string::npos) << "dropped while the reader lagged";
}

TEST_F(Streams, DropAReaderThatTakesNothing) {
    publish(20'000, 1000);
    Client client = follow("/v1/events/stream?cursor=0");
    pass(kWriteStallTimeout + kOverflowGrace + kTick + kTick);
    EXPECT_EQ(server.streams(), 0U);
    EXPECT_EQ(server.connections(), 0U);
}

TEST_F(Streams, TellAReaderThatWakesUpLateWhereToGoOn) {
    publish(20'000, 1000);
    Client client = follow("/v1/events/stream?cursor=0");
    pass(kWriteStallTimeout + kTick);
    EXPECT_EQ(server.streams(), 0U);
    const std::string text = events(client);
    EXPECT_TRUE(client.closed());
    const std::vector<int> seen = ids(text);
    ASSERT_FALSE(seen.empty());
    EXPECT_EQ(seen, range(1, seen.back()));
    EXPECT_LT(seen.back(), 20'000);
    EXPECT_TRUE(text.ends_with(
        "event: overflow\ndata: {\"type\":\"overflow\",\"resume_after_id\":\"" +
        std::to_string(seen.back()) + "\"}\n\n"));
    Client again =
        follow("/v1/events/stream", "Last-Event-ID: " + std::to_string(seen.back()) + "\r\n");
    EXPECT_EQ(ids(events(again)), range(seen.back() + 1, 20'000));
}

TEST_F(Streams, SendAFrameLargerThanAPageWhole) {
    publish(1, 3 * kStreamBufferLimitBytes);
    publish(1);
    Client client = follow("/v1/events/stream?cursor=0");
    const std::string text = events(client);
    EXPECT_EQ(ids(text), range(1, 2));
    EXPECT_GT(text.size(), 3 * kStreamBufferLimitBytes);
}

TEST_F(Streams, EndWithTheirClient) {
    Client client = follow("/v1/events/stream");
    EXPECT_EQ(service.readers.size(), 1U);
    client.disconnect();
    settle();
    EXPECT_EQ(service.readers.size(), 0U);
    EXPECT_EQ(server.connections(), 0U);
    publish(1);
}

TEST_F(Streams, OpenNothingForHead) {
    Client client = connect();
    const Answer answer = client.ask("HEAD /v1/events/stream HTTP/1.1\r\nHost: x\r\n\r\n", true);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.header("content-type"), "text/event-stream");
    EXPECT_EQ(service.readers.size(), 0U);
}

} // namespace
} // namespace kheish::http
