#include "control/caller.hpp"

#include <string>
#include <utility>

namespace kheish::control {

Result<Caller> admit(Caller caller, const OperationInfo& operation) {
    if (caller.role < operation.role)
        return fail(
            Errc::forbidden,
            std::string(operation.name) + " takes the role " +
                std::string(to_string(operation.role)) + ", and " + caller.principal.to_string() +
                " has the role " + std::string(to_string(caller.role)));
    caller.acts_for_others =
        caller.role == Role::admin || (caller.role == Role::reader && !operation.changes_state);
    return caller;
}

Status check_administers(const Caller& caller) {
    if (caller.acts_for_others)
        return {};
    return fail(Errc::forbidden, "this is for administrators");
}

} // namespace kheish::control
