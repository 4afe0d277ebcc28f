#pragma once

#include <systemd/sd-bus.h>

namespace kheish::bus {

inline constexpr const char* kLogControlPath = "/org/freedesktop/LogControl1";
inline constexpr const char* kLogControlInterface = "org.freedesktop.LogControl1";

/// org.freedesktop.LogControl1(5), for `systemctl service-log-level kheish`. Everyone may read,
/// root may set the level. The userdata is the BusEdge.
const sd_bus_vtable* log_control_vtable();

} // namespace kheish::bus
