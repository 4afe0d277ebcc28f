#include "models/scripted_model.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace kheish::models {

namespace {

using codec::Json;

constexpr std::int64_t kBytesPerToken = 4;

struct Place {
    std::size_t turn = 0;
    std::size_t attempt = 0;
};

/// The numbers after "/turn-" and "/attempt-" at the end of an idempotency key.
std::optional<Place> parse_place(std::string_view key) {
    constexpr std::string_view kTurn = "turn-";
    constexpr std::string_view kAttempt = "/attempt-";
    const std::size_t attempt_at = key.rfind(kAttempt);
    if (attempt_at == std::string_view::npos)
        return std::nullopt;
    const std::string_view head = key.substr(0, attempt_at);
    const std::size_t turn_at = head.rfind(kTurn);
    if (turn_at == std::string_view::npos || (turn_at > 0 && head[turn_at - 1] != '/'))
        return std::nullopt;
    const auto turn = parse_number<std::size_t>(head.substr(turn_at + kTurn.size()));
    const auto attempt = parse_number<std::size_t>(key.substr(attempt_at + kAttempt.size()));
    if (!turn || !attempt || *turn == 0 || *attempt == 0)
        return std::nullopt;
    return Place{*turn, *attempt};
}

/// The first text of the last user message that has any: what the run was started with. Behind it
/// may stand a note on what is left out of the conversation.
std::string input_of(const Request& request) {
    for (auto message = request.messages.rbegin(); message != request.messages.rend(); ++message)
        for (const Part& part : message->parts)
            if (const Text* text = std::get_if<Text>(&part);
                text != nullptr && message->role == Message::Role::user && !text->text.empty())
                return text->text;
    return {};
}

const ToolResult* find_result(const Request& request, std::string_view call_id) {
    for (auto message = request.messages.rbegin(); message != request.messages.rend(); ++message) {
        for (const Part& part : message->parts) {
            const ToolResult* result = std::get_if<ToolResult>(&part);
            if (result != nullptr && result->call_id == call_id)
                return result;
        }
    }
    return nullptr;
}

std::string call_id(std::size_t turn, const std::string& name) {
    return "turn-" + std::to_string(turn) + "-" + name;
}

/// Renders the turn's templates with what the request holds.
class Quoting {
  public:
    Quoting(const Scenario::Play& play, const Request& request, const std::string& input)
        : play_(play), request_(request), input_(input),
          source_([this](std::string_view name) { return text_of(name); }) {}

    Result<std::string> text(const ScriptedTemplate& source) { return source.render(source_); }

    Result<Json> json(const Json& value) {
        if (value.is_string()) {
            KHEISH_TRY(const ScriptedTemplate parsed, ScriptedTemplate::parse(value.string()));
            KHEISH_TRY(const std::string rendered, text(parsed));
            return Json(to_valid_utf8(rendered));
        }
        if (value.is_array()) {
            Json copy = Json::array();
            for (const Json& item : value.items()) {
                KHEISH_TRY(const Json rendered, json(item));
                copy.append(rendered);
            }
            return copy;
        }
        if (!value.is_object())
            return value;
        Json copy = Json::object();
        for (const std::string& key : value.keys()) {
            KHEISH_TRY(const Json rendered, json(*value.find(key)));
            copy.set(key, rendered);
        }
        return copy;
    }

  private:
    Result<std::string> text_of(std::string_view name) {
        if (name.empty())
            return input_;
        for (std::size_t turn = 0; turn < play_.turns.size(); ++turn) {
            for (const Scenario::PlannedCall& call : play_.turns[turn].calls) {
                if (call.name != name)
                    continue;
                if (const ToolResult* result = find_result(request_, call_id(turn + 1, call.name)))
                    return result->text;
            }
        }
        return fail(Errc::bad_request, "there is no result of \"" + std::string(name) + "\"");
    }

    const Scenario::Play& play_;
    const Request& request_;
    const std::string& input_;
    ScriptedTemplate::Source source_;
};

CallError refusal(std::string message) {
    CallError error;
    error.kind = CallError::Kind::invalid_request;
    error.message = "scenario: " + std::move(message);
    return error;
}

std::int64_t tokens_of(std::size_t bytes) {
    return (static_cast<std::int64_t>(bytes) + kBytesPerToken - 1) / kBytesPerToken;
}

Usage estimate_usage(const Request& request, const Message& answer) {
    std::size_t input_bytes = request.system.size();
    for (const Message& message : request.messages)
        input_bytes += encode_message(message).size();
    Usage usage;
    usage.input_tokens = tokens_of(input_bytes);
    usage.output_tokens = tokens_of(encode_message(answer).size());
    return usage;
}

Result<Response> compose(
    const Scenario::Turn& turn, std::size_t turn_number, Quoting& quoting, const Request& request) {
    Response response;
    response.message.role = Message::Role::assistant;
    KHEISH_TRY(const std::string text, quoting.text(turn.text));
    if (!text.empty())
        response.message.parts.emplace_back(Text{to_valid_utf8(text)});
    for (const Scenario::PlannedCall& call : turn.calls) {
        KHEISH_TRY(const Json input, quoting.json(call.input));
        response.message.parts.emplace_back(
            ToolCall{call_id(turn_number, call.name), call.tool, codec::canonical_json(input)});
    }
    response.stop_reason = turn.stop_reason;
    response.usage = turn.usage ? *turn.usage : estimate_usage(request, response.message);
    response.model = request.model;
    return response;
}

/// `text` in pieces of `chars` characters, or in one where that is 0.
std::vector<std::string> split_text(std::string_view text, std::int64_t chars) {
    std::vector<std::string> chunks;
    std::int64_t in_chunk = 0;
    for (const char c : text) {
        const bool starts_character = (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
        if (chunks.empty() || (starts_character && in_chunk == chars && chars > 0)) {
            chunks.emplace_back();
            in_chunk = 0;
        }
        in_chunk += starts_character ? 1 : 0;
        chunks.back() += c;
    }
    return chunks;
}

ScriptedAnswer failed_answer(CallError error, std::chrono::milliseconds delay) {
    return {
        .delay = delay,
        .chunks = {},
        .chunk_delay = {},
        .result = tl::unexpected(std::move(error))};
}

/// One call that is being played.
class ScriptedCall final : public Call {
  public:
    ScriptedCall(ScriptedAnswer answer, Timers& timers, CallHandlers handlers)
        : answer_(std::move(answer)), timers_(timers), handlers_(std::move(handlers)),
          timer_(timers_.start(answer_.delay, [this] { step(); })) {}
    ~ScriptedCall() override {
        if (destroyed_ != nullptr)
            *destroyed_ = true;
    }

  private:
    /// Streams the next chunks up to a delay; the last step is the end.
    void step() {
        while (next_chunk_ < answer_.chunks.size()) {
            if (!stream_one())
                return;
            if (answer_.chunk_delay.count() > 0 && next_chunk_ < answer_.chunks.size()) {
                timer_ = timers_.start(answer_.chunk_delay, [this] { step(); });
                return;
            }
        }
        // Held here: the handler may destroy the call.
        UniqueFunction<void(tl::expected<Response, CallError>)> on_finished =
            std::move(handlers_.on_finished);
        on_finished(std::move(answer_.result));
    }

    /// False where the handler has destroyed the call.
    bool stream_one() {
        bool destroyed = false;
        destroyed_ = &destroyed;
        UniqueFunction<void(std::string_view)> on_text = std::move(handlers_.on_text);
        const std::string chunk = std::move(answer_.chunks[next_chunk_++]);
        if (on_text)
            on_text(chunk);
        if (destroyed)
            return false;
        destroyed_ = nullptr;
        handlers_.on_text = std::move(on_text);
        return true;
    }

    ScriptedAnswer answer_;
    Timers& timers_;
    CallHandlers handlers_;
    std::size_t next_chunk_ = 0;
    bool* destroyed_ = nullptr; ///< set while a handler runs
    std::unique_ptr<Timer> timer_;
};

} // namespace

ScriptedAnswer scripted_answer(
    const Scenario& scenario, const Request& request, std::string_view idempotency_key) {
    const std::optional<Place> place = parse_place(idempotency_key);
    if (!place)
        return failed_answer(
            refusal("the call's key names no turn and attempt: " + std::string(idempotency_key)),
            {});
    const std::string input = input_of(request);
    const auto play = std::find_if(
        scenario.plays.begin(), scenario.plays.end(), [&input](const Scenario::Play& candidate) {
            return input.find(candidate.when_input_contains) != std::string::npos;
        });
    if (play == scenario.plays.end())
        return failed_answer(refusal("no play matches the input"), {});
    if (place->turn > play->turns.size())
        return failed_answer(
            refusal(
                "it ends after turn " + std::to_string(play->turns.size()) + ", and turn " +
                std::to_string(place->turn) + " was asked for"),
            {});
    const Scenario::Turn& turn = play->turns[place->turn - 1];
    if (place->attempt <= turn.errors.size() || turn.errors_only) {
        const Scenario::PlannedError& planned =
            turn.errors[std::min(place->attempt, turn.errors.size()) - 1];
        return failed_answer(planned.error, planned.delay);
    }
    Quoting quoting(*play, request, input);
    Result<Response> response = compose(turn, place->turn, quoting, request);
    if (!response)
        return failed_answer(refusal(response.error().message), turn.delay);
    response->provider_request_id = "scripted/" + std::string(idempotency_key);
    ScriptedAnswer answer{
        .delay = turn.delay, .chunks = {}, .chunk_delay = turn.chunk_delay, .result = Response{}};
    if (!response->message.parts.empty()) {
        if (const Text* text = std::get_if<Text>(&response->message.parts.front()))
            answer.chunks = split_text(text->text, turn.chunk_chars);
    }
    answer.result = std::move(*response);
    return answer;
}

std::unique_ptr<Call>
ScriptedModel::call(Request request, std::string idempotency_key, CallHandlers handlers) {
    return std::make_unique<ScriptedCall>(
        scripted_answer(scenario_, request, idempotency_key), timers_, std::move(handlers));
}

} // namespace kheish::models
