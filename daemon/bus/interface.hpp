#pragma once

#include <span>
#include <string_view>

#include <systemd/sd-bus.h>

namespace kheish::bus {

/// One D-Bus interface of kheish. Its vtable is the truth: the XML in dbus/ and the operations
/// table are compared with it.
struct Interface {
    const char* name;
    const sd_bus_vtable* vtable;
};

const sd_bus_vtable* manager_vtable();
const sd_bus_vtable* session_vtable();
const sd_bus_vtable* run_vtable();
const sd_bus_vtable* approval_vtable();
const sd_bus_vtable* question_vtable();

/// Manager, Session, Run, Approval, Question. The userdata of every vtable is the BusEdge.
std::span<const Interface> interfaces();

} // namespace kheish::bus
