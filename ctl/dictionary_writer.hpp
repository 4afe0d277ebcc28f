#pragma once

#include "base/handle.hpp"
#include "codec/json.hpp"

namespace kheish::ctl {

/// Appends a JSON object as a{sv}: strings s, integers x, numbers d, booleans b, objects a{sv},
/// arrays av. Errc::bad_request for null, which D-Bus does not have.
Status append_dictionary(sd_bus_message* message, const codec::Json& object);

} // namespace kheish::ctl
