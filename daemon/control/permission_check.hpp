#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "codec/json.hpp"
#include "control/settings.hpp"
#include "control/tool_surface.hpp"

#include <optional>
#include <span>
#include <string>

/// What the permission rules would say, without anything happening: no call, no gate, no record.
namespace kheish::control {

struct CheckPermission {
    std::string tool;
    codec::Json input = codec::Json::object();
    std::optional<SessionId> session = {};
    std::optional<govern::Mode> mode = {};   ///< absent: the configured one
    std::optional<std::string> project = {}; ///< text of a .kheish/permissions.toml
    std::string call;                        ///< shown again, for whoever compares
};
/// Members: tool_name, input, session_id, mode_override, project_permissions, tool_call_id. The
/// input of a tool that
/// kheish has must be one that it takes, where it has any members: Errc::bad_request.
Result<CheckPermission> parse_check_permission(const codec::Json& body);

struct DescribeMatrix {
    std::optional<SessionId> session = {};
    std::optional<std::string> project = {};
};
/// Members: session_id, project_permissions.
Result<DescribeMatrix> parse_describe_matrix(const codec::Json& body);

/// What a call is judged by.
struct InForce {
    std::span<const govern::Rule> rules;          ///< rules_in_force()
    std::span<const govern::Grant* const> grants; ///< of the session
    std::string workspace;                        ///< of the session
    ToolSurface tools;                            ///< of the session
};

/// PermissionExplanation of the wire contract.
codec::Json permission_check_view(
    const Settings& settings, const InForce& in_force, const CheckPermission& request);
/// Every tool of `tools` under each mode, by its name alone: rules about arguments are listed with
/// it.
codec::Json permission_matrix_view(
    std::span<const govern::Rule> rules, const ToolSurface& tools, const DescribeMatrix& request);

} // namespace kheish::control
