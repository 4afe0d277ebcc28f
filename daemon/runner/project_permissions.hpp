#pragma once

#include "codec/runner_message.hpp"

#include <string>

namespace kheish::runner {

/// The workspace's kProjectPermissionsPath, as it is now: not found, its text, or why it cannot be
/// read (a directory, no permission, longer than codec::runner::kPayloadBytes, no UTF-8).
codec::runner::ProjectPermissions read_project_permissions(const std::string& workspace);

} // namespace kheish::runner
