// Methods of the Manager about subjects and leases.

#include "base/text.hpp"
#include "bus/administration.hpp"
#include "bus/administration_plan.hpp"
#include "bus/dictionary.hpp"

namespace kheish::bus {

namespace {

using codec::Json;
using control::Caller;
using control::NamedRequest;
using control::Operation;

Result<NamedRequest> read_named(sd_bus_message* call) {
    KHEISH_TRY(const Json options, read_dictionary(call));
    return control::parse_named(options);
}

using View = Result<Json> (control::Service::*)(const Caller&, const std::string&) const;

Result<Plan> view_plan(
    BusEdge& edge, sd_bus_message* call, Operation operation, std::string_view what, View view) {
    KHEISH_TRY(NamedRequest request, read_named(call));
    return Plan{
        {.operation = operation,
         .details = {{"summary", std::string(what) + escape_for_display(request.name)}}},
        [&edge, view, name = request.name](const Caller& caller, const BusMessage& message) {
            reply_json(message.get(), (edge.service().*view)(caller, name));
        }};
}

Result<Plan> end_plan(
    BusEdge& edge,
    sd_bus_message* call,
    Operation operation,
    std::string_view what,
    Change<NamedRequest> change) {
    KHEISH_TRY(NamedRequest request, read_named(call));
    std::string summary = std::string(what) + escape_for_display(request.name);
    return administration_plan(edge, operation, std::move(summary), std::move(request), change);
}

} // namespace

Result<Plan> plan_describe_subject(BusEdge& edge, sd_bus_message* call) {
    return view_plan(
        edge,
        call,
        Operation::auth_subject,
        "look at the subject ",
        &control::Service::subject_view);
}

Result<Plan> plan_revoke_subject(BusEdge& edge, sd_bus_message* call) {
    return end_plan(
        edge,
        call,
        Operation::auth_revoke_subject,
        "let nothing be asked any more in the name of ",
        &control::Service::revoke_subject);
}

Result<Plan> plan_restore_subject(BusEdge& edge, sd_bus_message* call) {
    return end_plan(
        edge,
        call,
        Operation::auth_restore_subject,
        "let be asked again in the name of ",
        &control::Service::restore_subject);
}

Result<Plan> plan_describe_lease(BusEdge& edge, sd_bus_message* call) {
    return view_plan(edge, call, Operation::auth_lease, "look at ", &control::Service::lease_view);
}

Result<Plan> plan_revoke_lease(BusEdge& edge, sd_bus_message* call) {
    return end_plan(
        edge, call, Operation::auth_revoke_lease, "revoke ", &control::Service::revoke_lease);
}

Result<Plan> plan_revoke_slot(BusEdge& edge, sd_bus_message* call) {
    return end_plan(
        edge,
        call,
        Operation::auth_revoke_slot,
        "give up all requests that use the secret ",
        &control::Service::revoke_slot);
}

} // namespace kheish::bus
