#include "engine/decide.hpp"

#include <array>

namespace kheish::engine {

namespace {

std::string attempt_text(std::string_view name, int attempt) {
    return std::string(name) + " attempt " + std::to_string(attempt);
}

std::string turn_text(std::string_view name, int turn, int attempt) {
    return attempt_text(std::string(name) + " turn " + std::to_string(turn), attempt);
}

std::string delay_text(std::string text, std::chrono::microseconds delay) {
    return std::move(text) + " in " + std::to_string(delay.count()) + " us";
}

std::string text(const Launch& effect) {
    return delay_text(attempt_text("Launch", effect.attempt), effect.delay);
}
std::string text(const AdoptRunner& effect) {
    return attempt_text("AdoptRunner", effect.attempt);
}
std::string text(const StopScope& effect) {
    return delay_text(attempt_text("StopScope", effect.attempt), effect.delay);
}
std::string text(const TrimContext& effect) {
    return "TrimContext to turn " + std::to_string(effect.first_turn);
}
std::string text(const RequestModel& effect) {
    return turn_text("RequestModel", effect.turn, effect.attempt);
}
std::string text(const AbortModel& effect) {
    return turn_text("AbortModel", effect.turn, effect.attempt);
}
std::string text(const ScheduleModelRetry& effect) {
    return delay_text(turn_text("ScheduleModelRetry", effect.turn, effect.attempt), effect.delay) +
           (effect.network      ? " (network)"
            : effect.credential ? " (credential)"
                                : "");
}
std::string text(const ArmRetryTimer& effect) {
    return turn_text("ArmRetryTimer", effect.turn, effect.attempt);
}
std::string text(const JudgeCall& effect) {
    return "JudgeCall " + effect.call.value;
}
std::string text(const RequestApproval& effect) {
    return "RequestApproval " + effect.call.value;
}
std::string text(const StartCalls& effect) {
    std::string all = "StartCalls";
    for (const CallStart& start : effect.calls)
        all.append(" ").append(start.call.value);
    return all;
}
std::string text(const AskQuestion& effect) {
    return "AskQuestion " + effect.call.value;
}
std::string text(const ArmApprovalTimer& effect) {
    constexpr std::array<std::string_view, 3> kMoments{" expiry", " reminder", " escalation"};
    return "ArmApprovalTimer " + effect.approval.value +
           std::string(kMoments.at(static_cast<std::size_t>(effect.moment)));
}
std::string text(const ArmQuestionTimer& effect) {
    return "ArmQuestionTimer " + effect.question.value;
}
std::string text(const CancelCall& effect) {
    return "CancelCall " + effect.call.value;
}
std::string text(const SettleCall& effect) {
    return "SettleCall " + effect.call.value + " " + effect.outcome;
}
std::string text(const AskOutcome& effect) {
    return "AskOutcome " + effect.call.value;
}
std::string text(const RecordOutput& /*effect*/) {
    return "RecordOutput";
}
std::string text(const Finish& effect) {
    return "Finish " + std::string(to_string(effect.status)) +
           (effect.code.empty() ? "" : " " + effect.code);
}

} // namespace

std::string to_string(const Effect& effect) {
    return std::visit([](const auto& alternative) { return text(alternative); }, effect);
}

} // namespace kheish::engine
