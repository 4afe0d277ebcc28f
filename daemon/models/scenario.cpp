#include "models/scenario.hpp"

#include "base/fd.hpp"
#include "codec/object_reader.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace kheish::models {

namespace {

using codec::Json;
using codec::ObjectReader;
using std::chrono::milliseconds;

constexpr std::array<std::string_view, 3> kStopReasons{"end_turn", "max_tokens", "refusal"};

/// The calls that a play has named so far; those of the turn that is being read come after it.
using KnownCalls = std::set<std::string, std::less<>>;

milliseconds read_delay(ObjectReader& reader, std::string_view key) {
    return milliseconds(reader.optional_integer(key, 0, Scenario::kDelayLimitMs).value_or(0));
}

Result<ScriptedTemplate>
read_template(const std::string& text, const std::string& where, const KnownCalls& known) {
    Result<ScriptedTemplate> parsed = ScriptedTemplate::parse(text);
    if (!parsed)
        return fail(std::move(parsed).error().wrap(where));
    for (const std::string& call : parsed->quoted_calls()) {
        if (!known.contains(call))
            return fail(
                Errc::invalid_configuration,
                std::string(where)
                    .append(" quotes \"")
                    .append(call)
                    .append("\", which no earlier turn calls"));
    }
    return parsed;
}

/// Checks every string in `value` as a template.
Status check_templates(const Json& value, const std::string& where, const KnownCalls& known) {
    if (value.is_string()) {
        KHEISH_CHECK(read_template(value.string(), where, known));
    } else if (value.is_array()) {
        for (std::size_t i = 0; i < value.size(); ++i)
            KHEISH_CHECK(
                check_templates(value.at(i), where + "[" + std::to_string(i) + "]", known));
    } else {
        for (const std::string& key : value.keys())
            KHEISH_CHECK(check_templates(
                *value.find(key), std::string(where).append(".").append(key), known));
    }
    return {};
}

bool is_call_name(std::string_view name) {
    constexpr std::string_view kAllowed =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    return !name.empty() && name.size() <= Scenario::kNameLimitBytes &&
           name.find_first_not_of(kAllowed) == std::string_view::npos;
}

Result<Scenario::PlannedCall>
read_call(const Json& value, const std::string& where, const KnownCalls& known) {
    ObjectReader reader(value, where);
    Scenario::PlannedCall call{
        .name = reader.required_string("name"),
        .tool = reader.required_string("tool", Scenario::kNameLimitBytes),
        .input = reader.required_object("input")};
    if (reader.ok() && !is_call_name(call.name))
        reader.reject("name", "must be 1 to 64 characters of [A-Za-z0-9_-]");
    if (reader.ok() && call.tool.empty())
        reader.reject("tool", "must not be empty");
    KHEISH_CHECK(reader.finish());
    KHEISH_CHECK(check_templates(call.input, where + ".input", known));
    return call;
}

Result<Scenario::PlannedError> read_error(const Json& value, const std::string& where) {
    ObjectReader reader(value, where);
    Scenario::PlannedError planned;
    const std::string kind = reader.required_string("kind");
    const std::optional<CallError::Kind> known = parse_call_error_kind(kind);
    if (reader.ok() && !known)
        reader.reject("kind", "is no error kind: \"" + kind + "\"");
    planned.error.kind = known.value_or(CallError::Kind::protocol);
    planned.error.message = reader.optional_string("message").value_or("scripted " + kind);
    if (const std::optional<std::int64_t> after =
            reader.optional_integer("retry_after_ms", 0, Scenario::kDelayLimitMs * 24))
        planned.error.retry_after = milliseconds(*after);
    planned.delay = read_delay(reader, "delay_ms");
    KHEISH_CHECK(reader.finish());
    return planned;
}

Result<std::optional<Usage>> read_usage(ObjectReader& turn, const std::string& where) {
    const std::optional<Json> value = turn.optional_object("usage");
    if (!value)
        return std::optional<Usage>();
    ObjectReader reader(*value, where + ".usage");
    Usage usage;
    usage.input_tokens = reader.required_integer("input_tokens");
    usage.output_tokens = reader.required_integer("output_tokens");
    KHEISH_CHECK(reader.finish());
    return std::optional<Usage>(usage);
}

Status read_answer(
    ObjectReader& reader, const std::string& where, KnownCalls& known, Scenario::Turn& turn) {
    const std::optional<std::string> text =
        reader.optional_string("text", Scenario::kFileLimitBytes);
    KHEISH_TRY(turn.text, read_template(text.value_or(""), where + ".text", known));
    const std::vector<Json> calls = reader.optional_array("tool_calls", Scenario::kCallLimit);
    KnownCalls named_here;
    for (std::size_t i = 0; i < calls.size(); ++i) {
        const std::string place = where + ".tool_calls[" + std::to_string(i) + "]";
        KHEISH_TRY(Scenario::PlannedCall call, read_call(calls[i], place, known));
        if (known.contains(call.name) || !named_here.insert(call.name).second)
            return fail(
                Errc::invalid_configuration, place + ".name is used twice: \"" + call.name + "\"");
        turn.calls.push_back(std::move(call));
    }
    known.merge(named_here);
    const std::optional<std::size_t> reason = reader.optional_word("stop_reason", kStopReasons);
    if (reason && !turn.calls.empty())
        reader.reject("stop_reason", "is tool_use where there are tool_calls: leave it out");
    if (reason)
        turn.stop_reason = *parse_stop_reason(kStopReasons.at(*reason));
    else if (!turn.calls.empty())
        turn.stop_reason = Response::StopReason::tool_use;
    turn.errors_only = !text && turn.calls.empty() && !reason;
    if (turn.errors_only && turn.errors.empty())
        reader.reject("text", "or tool_calls, stop_reason or errors must be there");
    return {};
}

Result<Scenario::Turn> read_turn(const Json& value, const std::string& where, KnownCalls& known) {
    ObjectReader reader(value, where);
    Scenario::Turn turn;
    const std::vector<Json> errors = reader.optional_array("errors", Scenario::kErrorLimit);
    for (std::size_t i = 0; i < errors.size(); ++i) {
        KHEISH_TRY(
            Scenario::PlannedError error,
            read_error(errors[i], where + ".errors[" + std::to_string(i) + "]"));
        turn.errors.push_back(std::move(error));
    }
    turn.delay = read_delay(reader, "delay_ms");
    turn.chunk_chars =
        reader.optional_integer("chunk_chars", 1, Scenario::kFileLimitBytes).value_or(0);
    turn.chunk_delay = read_delay(reader, "chunk_delay_ms");
    KHEISH_TRY(turn.usage, read_usage(reader, where));
    KHEISH_CHECK(read_answer(reader, where, known, turn));
    KHEISH_CHECK(reader.finish());
    return turn;
}

Result<std::vector<Scenario::Turn>>
read_turns(const std::vector<Json>& values, const std::string& where) {
    if (values.empty())
        return fail(Errc::invalid_configuration, where + " must hold at least one turn");
    std::vector<Scenario::Turn> turns;
    KnownCalls known;
    for (std::size_t i = 0; i < values.size(); ++i) {
        KHEISH_TRY(
            Scenario::Turn turn,
            read_turn(values[i], where + "[" + std::to_string(i) + "]", known));
        turns.push_back(std::move(turn));
    }
    return turns;
}

Result<Scenario::Play> read_play(const Json& value, const std::string& where) {
    ObjectReader reader(value, where);
    Scenario::Play play;
    play.when_input_contains = reader.optional_string("when_input_contains").value_or("");
    const std::vector<Json> turns = reader.optional_array("turns", Scenario::kTurnLimit);
    KHEISH_CHECK(reader.finish());
    KHEISH_TRY(play.turns, read_turns(turns, where + ".turns"));
    return play;
}

Result<Scenario> read_scenario(std::string_view json) {
    KHEISH_TRY(
        const Json value,
        codec::parse_json(json, {.bytes = Scenario::kFileLimitBytes, .depth = 64}));
    ObjectReader reader(value, "scenario");
    (void)reader.required_integer("version", 1, 1);
    const bool one_play = value.find("turns").has_value();
    const std::vector<Json> turns = reader.optional_array("turns", Scenario::kTurnLimit);
    const std::vector<Json> plays = reader.optional_array("runs", Scenario::kTurnLimit);
    if (one_play == value.find("runs").has_value())
        reader.reject("turns", "or runs must be there, and not both");
    KHEISH_CHECK(reader.finish());
    Scenario scenario;
    if (one_play) {
        scenario.plays.emplace_back();
        KHEISH_TRY(scenario.plays.back().turns, read_turns(turns, "turns"));
    }
    for (std::size_t i = 0; i < plays.size(); ++i) {
        KHEISH_TRY(Scenario::Play play, read_play(plays[i], "runs[" + std::to_string(i) + "]"));
        scenario.plays.push_back(std::move(play));
    }
    return scenario;
}

} // namespace

Result<Scenario> Scenario::parse(std::string_view json) {
    Result<Scenario> scenario = read_scenario(json);
    if (!scenario)
        return fail(Errc::invalid_configuration, scenario.error().message);
    return scenario;
}

Result<Scenario> Scenario::load(const std::string& path) {
    const Result<std::string> text = read_file(path, kFileLimitBytes);
    if (!text)
        return fail(Errc::invalid_configuration, path + ": " + text.error().message);
    Result<Scenario> scenario = parse(*text);
    if (!scenario)
        return fail(std::move(scenario).error().wrap(path));
    return scenario;
}

} // namespace kheish::models
