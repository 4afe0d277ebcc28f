#pragma once

#include "fake_service.hpp"

#include "base/assert.hpp"
#include "base/text.hpp"
#include "http/server.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <map>
#include <optional>
#include <string>

#include <sys/socket.h>
#include <unistd.h>

namespace kheish::http {

/// Time that passes when the test says so.
class FakeTimers final : public Timers {
  public:
    std::unique_ptr<Timer>
    start(std::chrono::microseconds delay, UniqueFunction<void()> fire) override {
        return std::make_unique<Entry>(*this, now_ + delay, std::move(fire));
    }
    std::unique_ptr<Timer> start_at_wall(std::int64_t, UniqueFunction<void()>) override {
        KHEISH_ASSERT(false); // nobody here waits for the calendar
    }
    void advance(std::chrono::microseconds time) {
        const std::chrono::microseconds end = now_ + time;
        for (Entry* next = earliest(end); next != nullptr; next = earliest(end)) {
            now_ = next->due;
            pending_.erase(next);
            UniqueFunction<void()> fire = std::move(next->fire);
            fire();
        }
        now_ = end;
    }
    std::size_t pending() const { return pending_.size(); }

  private:
    struct Entry final : Timer {
        Entry(FakeTimers& timers, std::chrono::microseconds at, UniqueFunction<void()> function)
            : owner(timers), due(at), fire(std::move(function)) {
            owner.pending_.insert(this);
        }
        ~Entry() override { owner.pending_.erase(this); }
        FakeTimers& owner;
        std::chrono::microseconds due;
        UniqueFunction<void()> fire;
    };
    Entry* earliest(std::chrono::microseconds end) const {
        Entry* found = nullptr;
        for (Entry* entry : pending_)
            if (entry->due <= end && (found == nullptr || entry->due < found->due))
                found = entry;
        return found;
    }
    std::chrono::microseconds now_{0};
    std::set<Entry*> pending_;
};

class FakeClock final : public Clock {
  public:
    Instant now() const override { return {784'111'777'000'000, 0}; }
    std::string boot_id() const override { return std::string(32, '0'); }
};

class FakeIdentity final : public Identity {
  public:
    Result<Peer> peer(int) const override { return Peer{uid, Principal::user(uid).to_string()}; }
    Result<control::Caller> caller(const Peer& peer, const Request&) override {
        if (refuse)
            return fail(Errc::forbidden, "not you");
        control::Caller caller = control::Caller::user(peer.uid);
        if (peer.uid == 0)
            caller.role = control::Role::admin;
        return caller;
    }
    uid_t uid = 1000;
    bool refuse = false;
};

/// A response as a client reads it.
struct Answer {
    int status = 0;
    std::map<std::string, std::string> headers; ///< names in lower case
    std::string body;

    codec::Json json() const { return codec::parse_json(body).value_or(codec::Json()); }
    std::string code() const {
        const std::optional<codec::Json> code = json().find("code");
        return code ? code->string() : "";
    }
    std::string header(const std::string& name) const {
        const auto found = headers.find(name);
        return found == headers.end() ? "" : found->second;
    }
};

/// Takes one response off the front of `text`; `head_only` for an answer to HEAD.
std::optional<Answer> take_answer(std::string& text, bool head_only = false);
/// The data of the chunks at the front of `text`; `ended` if the last chunk is there.
std::string dechunk(std::string_view text, bool* ended = nullptr);

/// A server on a real loop and socketpairs, with fake time and a fake service.
class Edge : public testing::Test {
  public:
    /// The other end of a connection of the server's.
    class Client {
      public:
        Client(Edge& edge, Fd fd) : edge_(edge), fd_(std::move(fd)) {}
        /// Everything, in as many turns as it takes.
        void send(std::string_view bytes);
        /// What the server has sent since the last call.
        const std::string& receive();
        /// receive() has seen the end of the connection.
        bool closed() const { return closed_; }
        /// Sends, then takes one whole response.
        Answer ask(std::string_view request, bool head_only = false);
        std::string received;
        void finish_sending() { ASSERT_EQ(shutdown(fd_.get(), SHUT_WR), 0); }
        void disconnect() { fd_.reset(); }
        int fd() const { return fd_.get(); }
        bool read_some();

      private:
        Edge& edge_;
        Fd fd_;
        bool closed_ = false;
    };

    Edge() : Edge(Limits{}) {}
    explicit Edge(Limits limits)
        : loop(open_loop()), server(*loop, timers, clock, service, limits) {
        (void)std::signal(SIGPIPE, SIG_IGN);
    }

    Client connect();
    /// Turns the loop until nothing more happens.
    void settle();
    void pass(std::chrono::seconds time);

    static std::string get(const std::string& path, const std::string& headers = "") {
        return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n";
    }
    static std::string
    post(const std::string& path, const std::string& body, const std::string& headers = "") {
        return "POST " + path + " HTTP/1.1\r\nHost: localhost\r\n" + headers +
               "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
               "\r\n\r\n" + body;
    }

    FakeTimers timers;
    FakeClock clock;
    FakeService service;
    FakeIdentity identity;
    std::unique_ptr<loop::Loop> loop;
    Server server;

  private:
    static std::unique_ptr<loop::Loop> open_loop() {
        Result<std::unique_ptr<loop::Loop>> opened = loop::Loop::open();
        KHEISH_ASSERT(opened);
        return *std::move(opened);
    }
};

} // namespace kheish::http
