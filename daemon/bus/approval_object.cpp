#include "bus/dictionary.hpp"
#include "bus/edge.hpp"
#include "bus/gate_details.hpp"
#include "bus/interface.hpp"
#include "bus/method.hpp"
#include "bus/object_path.hpp"
#include "bus/property.hpp"

namespace kheish::bus {

namespace {

using codec::Json;
using control::ApprovalSummary;
using control::Caller;
using control::Operation;

/// The prompt shows what the gate releases.
Result<AccessRequest> access_to(
    BusEdge& edge,
    Operation operation,
    const ApprovalId& approval,
    const std::optional<control::Remember>& remember = {}) {
    KHEISH_TRY(ApprovalSummary summary, edge.service().approval_summary(approval));
    Principal owner = summary.owner;
    std::vector<Principal> deciders = summary.escalated_to;
    return AccessRequest{
        .operation = operation,
        .owner = std::move(owner),
        .deciders = std::move(deciders),
        .details = details_of(std::move(summary), remember)};
}

Result<Plan> plan_describe(BusEdge& edge, sd_bus_message* call) {
    KHEISH_TRY(const ApprovalId approval, approval_of(call));
    KHEISH_TRY(AccessRequest access, access_to(edge, Operation::approvals_get, approval));
    return Plan{
        std::move(access), [&edge, approval](const Caller& caller, const BusMessage& message) {
            reply_json(message.get(), edge.service().approval_view(caller, approval));
        }};
}

using Behavior = control::Resolution::Behavior;

Operation operation_of(Behavior behavior) {
    switch (behavior) {
    case Behavior::allow:
        return Operation::approvals_allow;
    case Behavior::deny:
        return Operation::approvals_deny;
    case Behavior::supply:
        break;
    }
    return Operation::approvals_supply;
}

template <Behavior Chosen>
Result<Plan> plan_resolve(BusEdge& edge, sd_bus_message* call) {
    KHEISH_TRY(const ApprovalId approval, approval_of(call));
    KHEISH_TRY(Json options, read_dictionary(call));
    KHEISH_TRY(options, with_json_text(options, "updated_input", control::kUpdatedInputLimitBytes));
    KHEISH_TRY(options, with_json_text(options, "remember", control::kSmallBodyLimitBytes));
    KHEISH_TRY(
        control::ResolveApprovals request, control::parse_resolve_one(approval, Chosen, options));
    KHEISH_TRY(
        AccessRequest access,
        access_to(edge, operation_of(Chosen), approval, request.resolutions.front().remember));
    return Plan{
        std::move(access),
        [&edge, request = std::move(request)](const Caller& caller, BusMessage message) mutable {
            edge.service().resolve_approval(
                caller, std::move(request), json_responder(std::move(message)));
        }};
}

/// What a property getter of this interface needs to know of its object.
struct ApprovalTraits {
    using Summary = ApprovalSummary;
    static Result<Summary> read(BusEdge& edge, const char* path) {
        const std::optional<ApprovalId> approval = approval_at(path);
        if (!approval)
            return fail(Errc::approval_not_found, std::string(path) + " names no approval");
        return edge.approval_summary(*approval);
    }
};
template <auto Get>
constexpr sd_bus_property_get_t kGet = get_property<ApprovalTraits, Get>;

std::string get_id(const ApprovalSummary& summary) {
    return summary.approval.value;
}
std::string get_run(const ApprovalSummary& summary) {
    return summary.run.to_string();
}
std::string get_session(const ApprovalSummary& summary) {
    return summary.session.value;
}
std::string get_owner(const ApprovalSummary& summary) {
    return summary.owner.to_string();
}

std::vector<std::string> get_escalated_to(const ApprovalSummary& summary) {
    std::vector<std::string> principals;
    for (const Principal& principal : summary.escalated_to)
        principals.push_back(principal.to_string());
    return principals;
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
    SD_BUS_PROPERTY("State", "s", kGet<&ApprovalSummary::state>, 0, kChanges),
    SD_BUS_PROPERTY("EscalatedTo", "as", kGet<get_escalated_to>, 0, kChanges),
    SD_BUS_PROPERTY("RequestedUSec", "t", kGet<&ApprovalSummary::requested_us>, 0, kConst),
    SD_BUS_PROPERTY("Tool", "s", kGet<&ApprovalSummary::tool>, 0, kContent),
    SD_BUS_PROPERTY("Summary", "s", kGet<&ApprovalSummary::summary>, 0, kContent),
    SD_BUS_PROPERTY("Reason", "s", kGet<&ApprovalSummary::reason>, 0, kContent),
    SD_BUS_PROPERTY("Digest", "s", kGet<&ApprovalSummary::digest>, 0, kContent),
    SD_BUS_METHOD_WITH_ARGS(
        "Describe", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", view), handle<plan_describe>, kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "Allow",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("s", view),
        handle<plan_resolve<Behavior::allow>>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "Deny",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("s", view),
        handle<plan_resolve<Behavior::deny>>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "Supply",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("s", view),
        handle<plan_resolve<Behavior::supply>>,
        kOpen),
    SD_BUS_VTABLE_END,
};

} // namespace

const sd_bus_vtable* approval_vtable() {
    return kVtable;
}

} // namespace kheish::bus
