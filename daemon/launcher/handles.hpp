#pragma once

#include "base/handle.hpp"

#include <systemd/sd-event.h>

namespace kheish::launcher {

using EventLoop = Handle<sd_event, sd_event_unref>;
/// Destroying it ends the watch; safe inside its own callback.
using EventSource = Handle<sd_event_source, sd_event_source_disable_unref>;

} // namespace kheish::launcher
