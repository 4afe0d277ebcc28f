#include "models/anthropic_model.hpp"

#include "codec/sse_parser.hpp"
#include "models/anthropic_errors.hpp"
#include "models/anthropic_request.hpp"
#include "models/anthropic_stream.hpp"

#include <utility>

namespace kheish::models {

namespace {

using Outcome = tl::expected<Response, CallError>;

CallError network_error(std::string message) {
    CallError error;
    error.kind = CallError::Kind::network;
    error.message = std::move(message);
    return error;
}

CallError protocol_error(std::string message) {
    CallError error;
    error.kind = CallError::Kind::protocol;
    error.message = std::move(message);
    return error;
}

/// One request and the reading of its answer.
class AnthropicCall final : public Call {
  public:
    AnthropicCall(const Clock& clock, CallHandlers handlers)
        : clock_(clock), handlers_(std::move(handlers)) {}
    ~AnthropicCall() override {
        if (destroyed_ != nullptr)
            *destroyed_ = true;
    }

    void start(outbound::HttpClient& client, outbound::HttpRequest request) {
        http_ = client.start(
            std::move(request),
            {.on_head = [this](const outbound::HttpHead& head) { on_head(head); },
             .on_body = [this](std::string_view bytes) { on_body(bytes); },
             .on_finished =
                 [this](const tl::expected<void, outbound::TransportError>& result) {
                     on_finished(result);
                 }});
    }

  private:
    bool is_success() const { return head_.status >= 200 && head_.status < 300; }

    void on_head(const outbound::HttpHead& head) {
        head_ = head;
        const std::string type = head.header("content-type").value_or("");
        if (is_success() && !type.starts_with("text/event-stream"))
            finish(tl::unexpected(protocol_error(
                "the answer is no event stream: its Content-Type is \"" +
                type.substr(0, kErrorMessageLimitBytes / 2) + "\"")));
    }

    void on_body(std::string_view bytes) {
        if (!is_success()) {
            const std::size_t room = AnthropicModel::kErrorBodyLimitBytes - error_body_.size();
            error_body_ += bytes.substr(0, room);
            return;
        }
        std::vector<codec::SseEvent> events;
        const Status parsed = parser_.feed(bytes, events);
        for (const codec::SseEvent& event : events) {
            if (!take(event))
                return;
        }
        if (!parsed)
            finish(tl::unexpected(protocol_error(parsed.error().message)));
    }

    /// False where the call is over, and may be gone.
    bool take(const codec::SseEvent& event) {
        if (answer_)
            return true; // nothing after message_stop counts
        AnthropicStream::Step step = stream_.take(event);
        if (!step) {
            finish(tl::unexpected(std::move(step).error()));
            return false;
        }
        // The end of the transfer is waited for, so that it is recorded as answered and its
        // connection is used again.
        if (stream_.complete())
            answer_ = std::move(stream_).response();
        return step->empty() || show(*step);
    }

    /// False where the handler has destroyed the call.
    bool show(const std::string& text) {
        bool destroyed = false;
        destroyed_ = &destroyed;
        UniqueFunction<void(std::string_view)> on_text = std::move(handlers_.on_text);
        if (on_text)
            on_text(text);
        if (destroyed)
            return false;
        destroyed_ = nullptr;
        handlers_.on_text = std::move(on_text);
        return true;
    }

    void on_finished(const tl::expected<void, outbound::TransportError>& result) {
        if (answer_)
            finish(std::move(*answer_));
        else if (!result)
            finish(tl::unexpected(call_error_of(result.error())));
        else if (!is_success())
            finish(tl::unexpected(anthropic_http_error(head_, error_body_, clock_.now().wall_us)));
        else
            finish(tl::unexpected(network_error("the stream ended before its message did")));
    }

    /// The end. The handler may destroy the call: nothing comes after it.
    void finish(Outcome outcome) {
        http_.reset();
        if (!outcome && outcome.error().http_status == 0)
            outcome.error().http_status = head_.status;
        UniqueFunction<void(Outcome)> on_end = std::move(handlers_.on_finished);
        on_end(std::move(outcome));
    }

    const Clock& clock_;
    CallHandlers handlers_;
    outbound::HttpHead head_;
    std::string error_body_;
    codec::SseParser parser_;
    AnthropicStream stream_;
    std::optional<Outcome> answer_; ///< once message_stop has come
    bool* destroyed_ = nullptr;     ///< set while on_text runs
    std::unique_ptr<outbound::HttpCall> http_;
};

/// A call that comes to nothing before it has left.
class FailedCall final : public Call {
  public:
    FailedCall(Timers& timers, CallError error, CallHandlers handlers)
        : error_(std::move(error)), handlers_(std::move(handlers)),
          timer_(timers.start(std::chrono::microseconds(0), [this] { finish(); })) {}

  private:
    void finish() {
        UniqueFunction<void(Outcome)> on_end = std::move(handlers_.on_finished);
        on_end(tl::unexpected(std::move(error_))); // which may destroy the call
    }

    CallError error_;
    CallHandlers handlers_;
    std::unique_ptr<Timer> timer_;
};

std::string messages_url(std::string_view base_url) {
    if (base_url.empty())
        base_url = AnthropicModel::kDefaultBaseUrl;
    while (base_url.ends_with('/'))
        base_url.remove_suffix(1);
    return std::string(base_url) + "/v1/messages";
}

} // namespace

AnthropicModel::AnthropicModel(
    outbound::HttpClient& client, const Clock& clock, Timers& timers, Options options)
    : client_(client), clock_(clock), timers_(timers), options_(std::move(options)) {}

std::unique_ptr<Call>
AnthropicModel::call(Request request, std::string idempotency_key, CallHandlers handlers) {
    Result<Secret> key = options_.api_key();
    if (!key) {
        CallError error;
        error.kind = CallError::Kind::authentication;
        error.message = key.error().message.substr(0, kErrorMessageLimitBytes);
        return std::make_unique<FailedCall>(timers_, std::move(error), std::move(handlers));
    }
    outbound::HttpRequest http;
    http.kind = "model_call";
    http.key = std::move(idempotency_key);
    http.url = messages_url(options_.base_url);
    http.reach = options_.base_url.empty() ? outbound::Reach::global : outbound::Reach::configured;
    http.headers = {
        {"accept", "text/event-stream"},
        {"anthropic-version", std::string(kAnthropicVersion)},
        {"content-type", "application/json"},
        {"x-api-key", std::string(key->reveal())}};
    http.body = anthropic_request_body(request);
    http.head_timeout = options_.head_timeout;
    http.idle_timeout = options_.idle_timeout;
    http.total_timeout = options_.total_timeout;
    std::unique_ptr<AnthropicCall> call =
        std::make_unique<AnthropicCall>(clock_, std::move(handlers));
    call->start(client_, std::move(http));
    return call;
}

} // namespace kheish::models
