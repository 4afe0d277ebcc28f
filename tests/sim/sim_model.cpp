#include "sim_model.hpp"

#include <set>

namespace kheish::sim {

namespace {

constexpr std::int64_t kSecond = 1'000'000;

struct Sample {
    std::string_view tool;
    std::string_view input;
};

constexpr Sample kGood[] = {
    {"read_file", R"({"path":"README.md"})"},
    {"list_files", R"({"path":"."})"},
    {"grep_search", R"({"pattern":"todo","path":"."})"},
    {"write_file", R"({"content":"x","path":"notes.txt"})"},
    {"edit_file", R"({"new_string":"b","old_string":"a","path":"notes.txt"})"},
    {"bash", R"({"command":"make"})"},
    {"bash", R"({"command":"git push"})"},
    {"emit_output", R"({"content":"half-time"})"},
    {"web_fetch", R"({"url":"https://docs.example.com/"})"},
    {"web_fetch", R"({"url":"https://other.example/a?b=c"})"},
    {"ask_user_question", R"({"questions":[{"id":"go","question":"Go on?"}]})"},
    {"ask_user_question",
     R"({"questions":[{"id":"go","question":"Go on?"}],"expires_after_ms":600000})"},
};
constexpr Sample kBad[] = {
    {"no_such_tool", "{}"},
    {"bash", R"({"cmd":"ls"})"},
    {"read_file", R"({"path":7})"},
    {"web_fetch", R"({"url":"https://user@docs.example.com/"})"},
    {"ask_user_question", R"({"questions":[]})"},
};

template <class Part>
std::set<std::string> ids_of(const models::Message& message) {
    std::set<std::string> ids;
    for (const models::Part& part : message.parts) {
        if constexpr (std::is_same_v<Part, models::ToolCall>) {
            if (const auto* call = std::get_if<models::ToolCall>(&part))
                ids.insert(call->id);
        } else {
            if (const auto* result = std::get_if<models::ToolResult>(&part))
                ids.insert(result->call_id);
        }
    }
    return ids;
}

} // namespace

std::unique_ptr<models::Call> SimModel::call(
    models::Request request, std::string idempotency_key, models::CallHandlers handlers) {
    if (life_) {
        oracle_.on_model_called(idempotency_key);
        check_request(request);
    }
    const std::int64_t delay_us = random_.between(1, 10 * kSecond);
    return std::make_unique<Expected<models::Call>>(
        agenda_,
        agenda_.in(delay_us, life_, [this, finished = std::move(handlers.on_finished)]() mutable {
            finished(answer());
        }));
}

/// Every call that the model ever asked for has its result, right after it.
void SimModel::check_request(const models::Request& request) {
    violations_.require(
        !request.messages.empty() && request.messages.front().role == models::Message::Role::user,
        "a model request does not begin with the user");
    for (std::size_t i = 0; i < request.messages.size(); ++i) {
        const std::set<std::string> asked = ids_of<models::ToolCall>(request.messages[i]);
        if (asked.empty())
            continue;
        const bool is_answered = i + 1 < request.messages.size() &&
                                 ids_of<models::ToolResult>(request.messages[i + 1]) == asked;
        violations_.require(is_answered, "a model request leaves tool calls without results");
    }
}

models::CallError SimModel::error() {
    using Kind = models::CallError::Kind;
    models::CallError error;
    error.message = "simulated";
    if (random_.chance(faults_.network)) {
        error.kind = Kind::network;
        return error;
    }
    if (random_.chance(faults_.final_error)) {
        error.kind = random_.chance(500) ? Kind::invalid_request : Kind::context_overflow;
        return error;
    }
    error.kind = random_.pick(std::vector{Kind::rate_limited, Kind::overloaded, Kind::server});
    if (random_.chance(300))
        error.retry_after = std::chrono::microseconds(
            random_.below((random_.chance(faults_.days_away) ? 72 : 1) * 3600 * kSecond));
    return error;
}

models::ToolCall SimModel::tool_call(std::size_t index) {
    const bool is_bad = random_.chance(faults_.nonsense);
    const Sample& sample = is_bad
                               ? kBad[static_cast<std::size_t>(random_.below(std::size(kBad)))]
                               : kGood[static_cast<std::size_t>(random_.below(std::size(kGood)))];
    return {
        "toolu_" + std::to_string(index) + "_" + std::to_string(random_.below(1'000'000'000)),
        std::string(sample.tool),
        std::string(sample.input)};
}

SimModel::Answer SimModel::answer() {
    if (random_.chance(faults_.error))
        return tl::unexpected(error());
    using Stop = models::Response::StopReason;
    models::Response response;
    response.message.role = models::Message::Role::assistant;
    response.model = "sim-1";
    response.usage = {.input_tokens = random_.between(1, 100), .output_tokens = 5};
    if (random_.chance(700))
        response.message.parts.emplace_back(models::Text{"I look at it."});
    const std::int64_t calls = random_.chance(600) ? random_.between(1, 4) : 0;
    for (std::int64_t i = 0; i < calls; ++i)
        response.message.parts.emplace_back(tool_call(static_cast<std::size_t>(i)));
    response.stop_reason = calls > 0 ? Stop::tool_use : Stop::end_turn;
    if (random_.chance(faults_.odd_stop))
        response.stop_reason = random_.chance(500) ? Stop::max_tokens : Stop::refusal;
    return response;
}

} // namespace kheish::sim
