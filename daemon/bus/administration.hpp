#pragma once

#include "bus/method.hpp"

/// The methods of the Manager that are for administrators alone: tokens, secrets, leases. Each says
/// in the prompt what is to be done to what.
namespace kheish::bus {

Result<Plan> plan_list_tokens(BusEdge& edge, sd_bus_message* call);
Result<Plan> plan_create_token(BusEdge& edge, sd_bus_message* call);
Result<Plan> plan_rotate_token(BusEdge& edge, sd_bus_message* call);
Result<Plan> plan_revoke_token(BusEdge& edge, sd_bus_message* call);

Result<Plan> plan_list_secrets(BusEdge& edge, sd_bus_message* call);
Result<Plan> plan_describe_secret(BusEdge& edge, sd_bus_message* call);
/// The secret comes as a descriptor of a memory file that nobody can change any more
/// (F_SEAL_WRITE, memfd_create(2)): what goes in a message can be read by whoever watches the bus.
Result<Plan> plan_set_secret(BusEdge& edge, sd_bus_message* call);
Result<Plan> plan_import_secret(BusEdge& edge, sd_bus_message* call);
Result<Plan> plan_revoke_secret(BusEdge& edge, sd_bus_message* call);
Result<Plan> plan_delete_secret(BusEdge& edge, sd_bus_message* call);
Result<Plan> plan_rotate_master_key(BusEdge& edge, sd_bus_message* call);

Result<Plan> plan_describe_subject(BusEdge& edge, sd_bus_message* call);
Result<Plan> plan_revoke_subject(BusEdge& edge, sd_bus_message* call);
Result<Plan> plan_restore_subject(BusEdge& edge, sd_bus_message* call);
Result<Plan> plan_describe_lease(BusEdge& edge, sd_bus_message* call);
Result<Plan> plan_revoke_lease(BusEdge& edge, sd_bus_message* call);
Result<Plan> plan_revoke_slot(BusEdge& edge, sd_bus_message* call);

} // namespace kheish::bus
