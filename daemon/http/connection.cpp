#include "http/connection.hpp"

#include "base/log.hpp"
#include "http/header_values.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace kheish::http {

namespace {

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr std::string_view kLastChunk = "0\r\n\r\n";
constexpr std::size_t kInlineBodyBytes = 16 * kKibibyte;

} // namespace

Connection::Connection(
    ConnectionHost& host, Fd fd, Identity& identity, Peer peer, Quota::Lease lease)
    : host_(host), identity_(identity), peer_(std::move(peer)), connection_lease_(std::move(lease)),
      channel_(host.loop, std::move(fd), *this, identity.tls()), since_tick_(host.ticks) {}

Connection::~Connection() = default;

void Connection::on_input() {
    if (phase_ == Phase::reading)
        process();
    else if (phase_ != Phase::answering)
        discard_input();
}

void Connection::process() {
    // A reply that comes at once goes on in the loop of the call that is under way.
    if (processing_)
        return;
    processing_ = true;
    const std::uint64_t first = request_number_;
    bool more = true;
    while (more && phase_ == Phase::reading && pending_bytes() < kOutputHighWaterBytes &&
           request_number_ - first < kRequestsPerTurnLimit)
        more = step();
    processing_ = false;
    if (phase_ != Phase::reading)
        return;
    if (!more && input_ended_)
        return finish();
    if (request_number_ - first == kRequestsPerTurnLimit)
        pump_later();
}

/// One step of reading; false where there is nothing to read for now.
bool Connection::step() {
    const std::string_view input = channel_.input();
    if (input.empty())
        return false;
    if (parser_.is_idle())
        since_tick_ = host_.ticks;
    channel_.drain_input(parser_.feed(input));
    if (parser_.state() == RequestParser::State::head_ready)
        on_head();
    if (parser_.state() == RequestParser::State::complete)
        on_request();
    else if (parser_.state() == RequestParser::State::failed)
        refuse(problem_response(parser_.problem()));
    return true;
}

void Connection::discard_input() {
    for (std::string_view input = channel_.input(); !input.empty(); input = channel_.input()) {
        discarded_bytes_ += input.size();
        channel_.drain_input(input.size());
    }
    if (discarded_bytes_ > kLingerLimitBytes)
        close();
}

void Connection::on_head() {
    exchange_ = Exchange();
    ++request_number_;
    enter(Phase::reading);
    Status checked = check_head();
    if (checked)
        checked = check_body();
    if (!checked) {
        Response response = problem_response(Problem::of(checked.error()));
        if (checked.error().code == Errc::method_not_allowed)
            response.headers.emplace_back("Allow", exchange_.match.allow);
        return refuse(std::move(response));
    }
    if (parser_.request().expects_continue && parser_.request().has_body())
        channel_.write(kContinue);
    parser_.accept_body(
        exchange_.endpoint != nullptr
            ? control::info(exchange_.endpoint->operation).body_limit_bytes
            : 0);
}

/// Everything that can be said before the body: target, route, caller, quota.
Status Connection::check_head() {
    const Request& request = parser_.request();
    KHEISH_CHECK(identity_.admit(peer_, request));
    exchange_.fields = identity_.fields(request);
    KHEISH_TRY(exchange_.target, parse_target(request.target));
    exchange_.match = host_.router.match(request.method, exchange_.target);
    const bool options = request.method == "OPTIONS";
    // Before it is said what there is: who may not ask learns nothing.
    KHEISH_CHECK(check_caller());
    if (exchange_.target.asterisk && options)
        exchange_.match.allow = "GET, HEAD, POST, OPTIONS";
    if (exchange_.match.operation == nullptr && exchange_.match.allow.empty())
        return fail(Errc::route_not_found, "there is nothing at this path");
    if (exchange_.match.operation == nullptr && !options)
        return fail(
            Errc::method_not_allowed,
            "this path does not take " + std::string(request.method) + " but " +
                exchange_.match.allow);
    KHEISH_TRY(exchange_.request_lease, host_.quota.take(Quota::Resource::requests, holder()));
    if (options)
        return {};
    KHEISH_TRY(
        exchange_.caller, control::admit(std::move(exchange_.caller), *exchange_.match.operation));
    exchange_.endpoint = &endpoint(exchange_.match.operation->operation);
    return {};
}

/// Who asks; what anyone may ask, and what a browser asks before it asks, needs no name.
Status Connection::check_caller() {
    const control::OperationInfo* operation = exchange_.match.operation;
    const bool anyone = operation != nullptr && operation->role == control::Role::anyone;
    if (!anyone && parser_.request().method != "OPTIONS") {
        KHEISH_TRY(exchange_.caller, identity_.caller(peer_, parser_.request()));
    }
    return {};
}

/// Whose share of the limits the request takes: the caller's, or the peer's as long as there is
/// none.
std::string Connection::holder() const {
    return exchange_.caller.role == control::Role::anyone ? peer_.name
                                                          : exchange_.caller.principal.to_string();
}

Status Connection::check_body() {
    const Request& request = parser_.request();
    if (exchange_.endpoint == nullptr || !request.has_body())
        return {};
    const std::size_t limit = exchange_.match.operation->body_limit_bytes;
    if (limit == 0)
        return fail(Errc::payload_too_large, "this operation takes no body");
    if (request.content_length.value_or(0) > limit)
        return fail(
            Errc::payload_too_large, "the body is longer than " + std::to_string(limit) + " bytes");
    KHEISH_CHECK(check_content_type());
    const std::size_t most = request.chunked ? limit : *request.content_length;
    KHEISH_TRY(exchange_.body_lease, host_.quota.take(Quota::Resource::body_bytes, holder(), most));
    return {};
}

Status Connection::check_content_type() const {
    const std::string* type = parser_.request().header("content-type");
    if (type == nullptr || !is_json_media_type(*type))
        return fail(
            Errc::unsupported_media_type, "a body must have Content-Type: application/json");
    return {};
}

/// Answers without looking at the rest of the request. Where a rest is to come, the connection
/// cannot be used again: reading it could cost more than it is worth.
void Connection::refuse(Response response) {
    if (parser_.state() == RequestParser::State::head_ready && !parser_.request().has_body()) {
        exchange_.endpoint = nullptr;
        exchange_.refusal = std::move(response);
        return parser_.accept_body(0);
    }
    keep_alive_ = false;
    reply(std::move(response));
}

void Connection::on_request() {
    enter(Phase::answering);
    if (exchange_.refusal)
        return reply(*std::exchange(exchange_.refusal, std::nullopt));
    if (exchange_.endpoint == nullptr) {
        Response response;
        response.status = 204;
        response.headers.emplace_back("Allow", exchange_.match.allow);
        return reply(std::move(response));
    }
    Reply responder([weak = weak_from_this(), number = request_number_](Result<Response> result) {
        if (const std::shared_ptr<Connection> self = weak.lock())
            self->answer(number, std::move(result));
    });
    const Endpoint& endpoint = *exchange_.endpoint;
    if (endpoint.body == Body::required && parser_.request().body.empty())
        return responder.fail(Errc::bad_request, "this operation needs a JSON object as body");
    Call call{
        host_.service,
        exchange_.caller,
        endpoint.success_status,
        parser_.request(),
        exchange_.target.query,
        {},
        {},
        {}};
    dispatch(endpoint, call, exchange_.match, std::move(responder));
}

void Connection::answer(std::uint64_t number, Result<Response> result) {
    if (phase_ != Phase::answering || number != request_number_)
        return;
    if (result)
        return reply(*std::move(result));
    const Problem problem = Problem::of(result.error());
    if (problem.status == 500)
        log(Level::error,
            "an HTTP request failed",
            {{log_field::kOperation, std::string(exchange_.match.operation->name)},
             {log_field::kCaller, holder()},
             {log_field::kError, result.error().to_string()}});
    reply(problem_response(problem));
}

void Connection::reply(Response response) {
    const bool head_only = parser_.request().method == "HEAD";
    if (response.stream && !head_only)
        return start_stream(std::move(response));
    keep_alive_ = keep_alive_ && parser_.request().keep_alive && !host_.draining;
    std::string text = head_of(response, keep_alive_);
    const bool separate = response.body.size() > kInlineBodyBytes;
    if (!head_only && !separate)
        text += response.body;
    channel_.write(text);
    if (!head_only && separate)
        channel_.write(response.body);
    exchange_ = Exchange();
    if (!keep_alive_)
        return finish();
    parser_.reset();
    enter(Phase::reading);
    process();
}

std::string Connection::head_of(const Response& response, bool keep_alive) const {
    return response_head(
        response,
        {.date_us = host_.clock.now().wall_us,
         .minor_version = parser_.request().minor_version,
         .keep_alive = keep_alive,
         .fields = exchange_.fields});
}

void Connection::start_stream(Response response) {
    Result<Quota::Lease> lease = host_.quota.take(Quota::Resource::streams, holder());
    if (!lease)
        return reply(problem_response(Problem::of(lease.error())));
    stream_lease_ = *std::move(lease);
    keep_alive_ = false;
    chunked_stream_ = parser_.request().minor_version > 0;
    if (chunked_stream_)
        response.headers.emplace_back("Transfer-Encoding", "chunked");
    channel_.write(head_of(response, false));
    stream_ = std::move(response.stream);
    stream_principal_ = exchange_.caller.principal;
    exchange_ = Exchange();
    enter(Phase::streaming);
    channel_.set_low_water(kStreamLowWaterBytes - 1);
    discard_input();
    stream_->start(*this);
    if (host_.draining)
        end_stream();
}

void Connection::write_stream(std::string_view frames) {
    if (!chunked_stream_)
        return channel_.write(frames);
    constexpr std::size_t kHexDigits = 16;
    std::array<char, kHexDigits> size{};
    const std::to_chars_result end =
        std::to_chars(size.data(), size.data() + size.size(), frames.size(), 16);
    std::string chunk;
    chunk.reserve(frames.size() + kHexDigits + 4);
    chunk.append(size.data(), end.ptr).append("\r\n").append(frames).append("\r\n");
    channel_.write(chunk);
}

void Connection::end_stream() {
    stream_.reset();
    stream_lease_.release();
    if (chunked_stream_)
        channel_.write(kLastChunk);
    finish();
}

void Connection::pump_later() {
    host_.loop.post([weak = weak_from_this()] {
        if (const std::shared_ptr<Connection> self = weak.lock())
            self->on_drained();
    });
}

void Connection::on_drained() {
    switch (phase_) {
    case Phase::reading:
        return process();
    case Phase::streaming:
        return stream_->pump();
    case Phase::flushing:
        return finish();
    case Phase::answering:
    case Phase::lingering:
    case Phase::closed:
        return;
    }
}

void Connection::on_end_of_input() {
    input_ended_ = true;
    if (phase_ == Phase::reading)
        process();
    else if (phase_ == Phase::streaming || phase_ == Phase::lingering)
        close();
}

void Connection::on_broken() {
    close();
}

void Connection::enter(Phase phase) {
    phase_ = phase;
    since_tick_ = host_.ticks;
}

} // namespace kheish::http
