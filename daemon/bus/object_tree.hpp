#pragma once

#include <span>

#include <systemd/sd-bus.h>

namespace kheish::bus {

/// Objects of one kind, below one path. `find` and `enumerate` take the BusEdge as userdata.
struct ObjectKind {
    const char* prefix;
    const char* interface;
    const sd_bus_vtable* vtable;
    sd_bus_object_find_t find; ///< any that exists, however old
    sd_bus_node_enumerator_t
        enumerate; ///< the live ones that the caller may see, at most kListedLimit
};

/// Sessions, runs, approvals.
std::span<const ObjectKind> object_kinds();

} // namespace kheish::bus
