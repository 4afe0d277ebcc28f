#pragma once

#include "base/clock.hpp"
#include "http/channel.hpp"
#include "http/endpoints.hpp"
#include "http/identity.hpp"
#include "http/quota.hpp"
#include "http/request_parser.hpp"
#include "http/router.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace kheish::http {

class Connection;

/// What the connections of one server share. Outlives them.
class ConnectionHost {
  public:
    ConnectionHost(
        loop::Loop& event_loop, const Clock& wall_clock, control::Service& use_cases, Limits limits)
        : loop(event_loop), clock(wall_clock), service(use_cases), quota(limits),
          heartbeat(limits.heartbeat) {}
    ConnectionHost(const ConnectionHost&) = delete;
    ConnectionHost& operator=(const ConnectionHost&) = delete;
    virtual ~ConnectionHost() = default;

    /// `connection` is over; it is destroyed in a later turn.
    virtual void on_closed(Connection& connection) = 0;

    loop::Loop& loop;
    const Clock& clock;
    control::Service& service;
    Quota quota;
    const std::chrono::seconds heartbeat;
    const Router router;
    std::int64_t ticks = 0; ///< of kTick, ever
    bool draining = false;
};

/// One HTTP/1 connection: requests one after the other (pipelined ones wait their turn), each
/// answered before the next is read. Handlers may answer at once or later; an answer that comes
/// after the end of the connection is dropped, what it was about goes on.
class Connection final : public std::enable_shared_from_this<Connection>,
                         private ChannelListener,
                         private StreamSink {
  public:
    /// `identity` outlives the connection.
    Connection(ConnectionHost& host, Fd fd, Identity& identity, Peer peer, Quota::Lease lease);
    ~Connection() override;

    /// Once per kTick.
    void on_tick();
    /// No further request: closes now where none is under way, after its reply otherwise. An event
    /// stream ends behind its last whole frame.
    void drain();
    /// Answers what is under way with `problem`, if it still can be, and closes.
    void abort(const Problem& problem);
    /// Ends what `principal` has under way here: its secret is void.
    void withdraw(const Principal& principal);
    bool is_closed() const { return phase_ == Phase::closed; }

  private:
    enum class Phase {
        reading,   ///< a request, or waiting for one
        answering, ///< a handler has it
        streaming, ///< server-sent events
        flushing,  ///< the last output, then the end
        lingering, ///< output ended, input discarded until its end
        closed,
    };
    /// What the head of the current request led to.
    struct Exchange {
        const Endpoint* endpoint = nullptr;
        Target target;
        RouteMatch match;
        control::Caller caller = control::Caller::nobody();
        HeaderFields fields;             ///< for every answer
        std::optional<Response> refusal; ///< sent once the request has been read to its end
        Quota::Lease request_lease;
        Quota::Lease body_lease;
    };

    void on_input() override;
    void on_drained() override;
    void on_end_of_input() override;
    void on_broken() override;
    void write_stream(std::string_view frames) override;
    std::size_t pending_bytes() const override { return channel_.pending_bytes(); }
    void pump_later() override;

    void process();
    bool step();
    void discard_input();
    void on_head();
    Status check_head();
    Status check_caller();
    std::string holder() const;
    Status check_body();
    Status check_content_type() const;
    void refuse(Response response);
    void on_request();
    void answer(std::uint64_t number, Result<Response> result);
    void reply(Response response);
    std::string head_of(const Response& response, bool keep_alive) const;
    void start_stream(Response response);
    void end_stream();
    void enter(Phase phase);
    void finish();
    void close();
    std::int64_t ticks_in_phase() const { return host_.ticks - since_tick_; }
    void on_reading_tick();
    bool expects_first_request() const;

    ConnectionHost& host_;
    Identity& identity_;
    const Peer peer_;
    Quota::Lease connection_lease_;
    Channel channel_;
    RequestParser parser_;
    Exchange exchange_;
    std::unique_ptr<EventStream> stream_;
    Principal stream_principal_;
    Quota::Lease stream_lease_;
    Phase phase_ = Phase::reading;
    std::int64_t since_tick_;
    std::uint64_t request_number_ = 0; ///< tells a late answer from the current one
    std::size_t discarded_bytes_ = 0;
    bool processing_ = false;
    bool input_ended_ = false;
    bool keep_alive_ = true;
    bool chunked_stream_ = false;
    bool overflowed_ = false;
};

} // namespace kheish::http
