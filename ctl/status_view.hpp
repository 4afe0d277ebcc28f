#pragma once

#include "codec/json.hpp"

#include <string>

namespace kheish::ctl {

/// kheishd for people: whether it is ready, its journal, its runs, its model routes and what they
/// lack. `status` is the view of DescribeStatus.
std::string status_text(const codec::Json& status);

} // namespace kheish::ctl
