#pragma once

#include "base/handle.hpp"
#include "bus/access.hpp"
#include "codec/json.hpp"
#include "control/service.hpp"

/// The shape of every method of every interface: read the arguments, find out whether the caller
/// may, act, answer.
namespace kheish::bus {

class BusEdge;

/// What a handler has made of a call's arguments.
struct Plan {
    AccessRequest access;
    /// Runs once the caller may; answers the message.
    UniqueFunction<void(const control::Caller& caller, BusMessage call)> act;
};

/// Carries a plan out; returns what an sd-bus handler has to.
int carry_out(BusEdge& edge, sd_bus_message* call, sd_bus_error* error, Result<Plan> plan);

/// An sd-bus handler from a function that plans.
template <Result<Plan> (*MakePlan)(BusEdge&, sd_bus_message*)>
int handle(sd_bus_message* call, void* data, sd_bus_error* error) noexcept {
    BusEdge& edge = *static_cast<BusEdge*>(data);
    return carry_out(edge, call, error, MakePlan(edge, call));
}

/// JSON text as a string, Errc::payload_too_large beyond what a message should carry.
void reply_json(sd_bus_message* call, const Result<codec::Json>& view);
Responder<codec::Json> json_responder(BusMessage call);
/// A sealed memory file with the JSON text, from its beginning.
void reply_json_file(sd_bus_message* call, const Result<codec::Json>& view);

/// Longer views go by file descriptor.
inline constexpr std::size_t kReplyLimitBytes = std::size_t{8} << 20;

/// What the path of the call names.
Result<SessionId> session_of(sd_bus_message* call);
Result<RunId> run_of(sd_bus_message* call);
Result<ApprovalId> approval_of(sd_bus_message* call);
Result<QuestionId> question_of(sd_bus_message* call);

} // namespace kheish::bus
