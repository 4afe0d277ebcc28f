#include "loop/curl_pump.hpp"

#include "loop_fixture.hpp"
#include "tiny_server.hpp"

#include <string>
#include <vector>

namespace kheish::loop {
namespace {

constexpr const char* kHello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

struct Sink {
    std::string body;
    UniqueFunction<void()> on_data;

    static std::size_t write(char* data, std::size_t one, std::size_t count, void* self) noexcept {
        Sink& sink = *static_cast<Sink*>(self);
        sink.body.append(data, one * count);
        if (sink.on_data)
            sink.on_data();
        return one * count;
    }
};

class CurlPumpTest : public LoopTest {
  protected:
    std::unique_ptr<CurlPump::Transfer>
    get(const std::string& url, const std::shared_ptr<Sink>& sink, CurlPump::OnDone on_done) {
        CurlEasy easy(curl_easy_init());
        curl_easy_setopt(easy.get(), CURLOPT_URL, url.c_str());
        curl_easy_setopt(easy.get(), CURLOPT_PROXY, "");
        curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, Sink::write);
        curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, sink.get());
        Result<std::unique_ptr<CurlPump::Transfer>> started =
            pump_.start(std::move(easy), sink, std::move(on_done));
        KHEISH_ASSERT(started.has_value());
        return std::move(*started);
    }

    CurlPump pump_{loop()};
    std::shared_ptr<Sink> sink_ = std::make_shared<Sink>();
};

TEST_F(CurlPumpTest, RunsATransfer) {
    const TinyServer server(loop(), kHello);
    bool done = false;
    const auto transfer = get(server.url(), sink_, [&done](CURL* easy, CURLcode code) {
        long status = 0;
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        EXPECT_EQ(code, CURLE_OK);
        EXPECT_EQ(status, 200);
        done = true;
    });
    EXPECT_FALSE(done);
    EXPECT_TRUE(turn_until([&done] { return done; }));
    EXPECT_EQ(sink_->body, "hello");
    EXPECT_EQ(pump_.running(), 0U);
}

TEST_F(CurlPumpTest, RunsManyAtOnce) {
    const TinyServer server(loop(), kHello);
    std::size_t done = 0;
    std::vector<std::unique_ptr<CurlPump::Transfer>> transfers;
    for (int i = 0; i < 20; ++i)
        transfers.push_back(
            get(server.url(), sink_, [&done](CURL*, CURLcode code) { done += code == CURLE_OK; }));
    EXPECT_TRUE(turn_until([&done] { return done == 20; }));
    EXPECT_EQ(sink_->body.size(), 100U);
}

TEST_F(CurlPumpTest, ReportsARefusedConnection) {
    std::string url;
    { url = TinyServer(loop(), kHello).url(); }
    CURLcode seen = CURLE_OK;
    const auto transfer = get(url, sink_, [&seen](CURL*, CURLcode code) { seen = code; });
    EXPECT_TRUE(turn_until([&seen] { return seen != CURLE_OK; }));
    EXPECT_EQ(seen, CURLE_COULDNT_CONNECT);
}

TEST_F(CurlPumpTest, ACallbackMayDestroyItsTransferAndStartAnother) {
    const TinyServer server(loop(), kHello);
    std::unique_ptr<CurlPump::Transfer> transfer;
    bool second_done = false;
    transfer = get(server.url(), sink_, [this, &server, &transfer, &second_done](CURL*, CURLcode) {
        transfer =
            get(server.url(), sink_, [&second_done](CURL*, CURLcode) { second_done = true; });
    });
    EXPECT_TRUE(turn_until([&second_done] { return second_done; }));
    EXPECT_EQ(sink_->body, "hellohello");
}

TEST_F(CurlPumpTest, AbortFromWithinTheBodyCallback) {
    const TinyServer server(loop(), "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello");
    std::unique_ptr<CurlPump::Transfer> transfer =
        get(server.url(), sink_, [](CURL*, CURLcode) { FAIL() << "called after the abort"; });
    const std::weak_ptr<Sink> context = sink_;
    sink_->on_data = [&transfer] {
        transfer.reset();
    };
    sink_.reset();
    EXPECT_TRUE(turn_until([&context] { return context.expired(); }));
    EXPECT_EQ(pump_.running(), 0U);
}

TEST_F(CurlPumpTest, AbortBeforeAnyAnswerClosesTheConnection) {
    const TinyServer server(loop(), "");
    std::unique_ptr<CurlPump::Transfer> transfer =
        get(server.url(), sink_, [](CURL*, CURLcode) { FAIL() << "called after the abort"; });
    ASSERT_TRUE(turn_until([&server] { return server.open_connections() == 1; }));
    transfer.reset();
    EXPECT_TRUE(turn_until([&server] { return server.open_connections() == 0; }));
}

TEST_F(CurlPumpTest, ReleaseIdleClosesCachedConnectionsAndLeavesThePumpUsable) {
    const TinyServer server(loop(), kHello);
    int done = 0;
    auto transfer = get(server.url(), sink_, [&done](CURL*, CURLcode) { ++done; });
    pump_.release_idle(); // a transfer runs: nothing happens
    ASSERT_TRUE(turn_until([&done] { return done == 1; }));
    EXPECT_EQ(server.open_connections(), 1U);
    pump_.release_idle();
    EXPECT_TRUE(turn_until([&server] { return server.open_connections() == 0; }));
    transfer = get(server.url(), sink_, [&done](CURL*, CURLcode) { ++done; });
    EXPECT_TRUE(turn_until([&done] { return done == 2; }));
}

} // namespace
} // namespace kheish::loop
