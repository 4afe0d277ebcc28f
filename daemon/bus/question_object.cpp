#include "bus/dictionary.hpp"
#include "bus/edge.hpp"
#include "bus/interface.hpp"
#include "bus/method.hpp"
#include "bus/object_path.hpp"
#include "bus/property.hpp"

namespace kheish::bus {

namespace {

using codec::Json;
using control::Caller;
using control::Operation;
using control::QuestionSummary;

struct Target {
    AccessRequest access;
    RunId run;
};

/// The prompt shows what is asked.
Result<Target> target_of(BusEdge& edge, Operation operation, const QuestionId& question) {
    KHEISH_TRY(QuestionSummary summary, edge.service().question_summary(question));
    return Target{
        .access =
            {.operation = operation,
             .owner = std::move(summary.owner),
             .details =
                 {{"question", question.value},
                  {"session", summary.session.value},
                  {"run", summary.run.to_string()},
                  {"summary", std::move(summary.summary)}}},
        .run = summary.run};
}

Result<Plan> plan_describe(BusEdge& edge, sd_bus_message* call) {
    KHEISH_TRY(const QuestionId question, question_of(call));
    KHEISH_TRY(Target target, target_of(edge, Operation::questions_get, question));
    return Plan{
        std::move(target.access),
        [&edge, question](const Caller& caller, const BusMessage& message) {
            reply_json(message.get(), edge.service().question_view(caller, question));
        }};
}

Result<Plan> plan_answer(BusEdge& edge, sd_bus_message* call) {
    KHEISH_TRY(const QuestionId question, question_of(call));
    KHEISH_TRY(Json options, read_dictionary(call));
    KHEISH_TRY(options, with_json_text(options, "answers", control::kResolutionLimitBytes));
    KHEISH_TRY(control::ResolveQuestion request, control::parse_answer_one(question, options));
    KHEISH_TRY(Target target, target_of(edge, Operation::questions_answer, question));
    return Plan{
        std::move(target.access),
        [&edge, run = target.run, request = std::move(request)](
            const Caller& caller, BusMessage message) mutable {
            edge.service().resolve_question(
                caller, run, std::move(request), json_responder(std::move(message)));
        }};
}

Result<Plan> plan_cancel(BusEdge& edge, sd_bus_message* call) {
    KHEISH_TRY(const QuestionId question, question_of(call));
    KHEISH_TRY(const Json options, read_dictionary(call));
    KHEISH_TRY(control::CancelQuestion request, control::parse_cancel_question(question, options));
    KHEISH_TRY(Target target, target_of(edge, Operation::questions_cancel, question));
    return Plan{
        std::move(target.access),
        [&edge, run = target.run, request = std::move(request)](
            const Caller& caller, BusMessage message) mutable {
            edge.service().cancel_question(
                caller, run, std::move(request), json_responder(std::move(message)));
        }};
}

/// What a property getter of this interface needs to know of its object.
struct QuestionTraits {
    using Summary = QuestionSummary;
    static Result<Summary> read(BusEdge& edge, const char* path) {
        const std::optional<QuestionId> question = question_at(path);
        if (!question)
            return fail(Errc::question_not_found, std::string(path) + " names no question");
        return edge.question_summary(*question);
    }
};
template <auto Get>
constexpr sd_bus_property_get_t kGet = get_property<QuestionTraits, Get>;

std::string get_id(const QuestionSummary& summary) {
    return summary.question.value;
}
std::string get_run(const QuestionSummary& summary) {
    return summary.run.to_string();
}
std::string get_session(const QuestionSummary& summary) {
    return summary.session.value;
}
std::string get_owner(const QuestionSummary& summary) {
    return summary.owner.to_string();
}

constexpr std::uint64_t kOpen = SD_BUS_VTABLE_UNPRIVILEGED; // polkit decides, not the bus library
constexpr std::uint64_t kConst = SD_BUS_VTABLE_PROPERTY_CONST;
constexpr std::uint64_t kChanges = SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE;
constexpr std::uint64_t kContent = SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION;

const sd_bus_vtable kVtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_PROPERTY("Id", "s", kGet<get_id>, 0, kConst),
    SD_BUS_PROPERTY("Run", "s", kGet<get_run>, 0, kConst),
    SD_BUS_PROPERTY("Session", "s", kGet<get_session>, 0, kConst),
    SD_BUS_PROPERTY("Owner", "s", kGet<get_owner>, 0, kConst),
    SD_BUS_PROPERTY("State", "s", kGet<&QuestionSummary::state>, 0, kChanges),
    SD_BUS_PROPERTY("RequestedUSec", "t", kGet<&QuestionSummary::requested_us>, 0, kConst),
    SD_BUS_PROPERTY("ExpiresUSec", "t", kGet<&QuestionSummary::expires_us>, 0, kConst),
    SD_BUS_PROPERTY("Summary", "s", kGet<&QuestionSummary::summary>, 0, kContent),
    SD_BUS_METHOD_WITH_ARGS(
        "Describe", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", view), handle<plan_describe>, kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "Answer",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("s", view),
        handle<plan_answer>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "Cancel",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("s", view),
        handle<plan_cancel>,
        kOpen),
    SD_BUS_VTABLE_END,
};

} // namespace

const sd_bus_vtable* question_vtable() {
    return kVtable;
}

} // namespace kheish::bus
