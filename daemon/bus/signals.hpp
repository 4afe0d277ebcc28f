#pragma once

#include "base/handle.hpp"
#include "bus/interface.hpp"

#include <string>

/// The signals of the objects below kRootPath, each sent to one client. libsystemd's own
/// sd_bus_emit_*(3) send to everybody on the bus, and a path alone says too much there.
namespace kheish::bus {

/// The object that a signal is about.
struct Subject {
    sd_bus* bus;
    std::string path;
    Interface interface;
    void* object; ///< userdata of the interface's getters
};

/// `destination`: a unique bus name, empty for the only peer of a direct connection. All give a
/// negative errno where the signal cannot be made or queued.
///
/// Properties that change are sent with their values, those that only invalidate as names
/// (PropertiesChanged) or not at all (InterfacesAdded).
int send_interfaces_added(const Subject& subject, const std::string& destination);
int send_properties_changed(const Subject& subject, const std::string& destination);
int send_interfaces_removed(const Subject& subject, const std::string& destination);

} // namespace kheish::bus
