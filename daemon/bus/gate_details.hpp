#pragma once

#include "control/service.hpp"

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace kheish::bus {

using Details = std::vector<std::pair<std::string, std::string>>;

/// What a prompt shows of one gate: all that it releases, with its digest, and what is to be
/// allowed beyond it.
Details
details_of(control::ApprovalSummary gate, const std::optional<control::Remember>& remember = {});

/// Of several of one run that are decided together: how many they are, and the first of them.
Result<Details> details_of(
    const control::Service& service, RunId run, std::span<const control::Resolution> resolutions);

} // namespace kheish::bus
