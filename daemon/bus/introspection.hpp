#pragma once

#include "bus/interface.hpp"

#include <string>
#include <vector>

namespace kheish::bus {

struct Argument {
    std::string name;
    std::string type;
};

/// One member as its vtable entry says it.
struct Method {
    std::string name;
    std::vector<Argument> in;
    std::vector<Argument> out;
};
struct Property {
    std::string name;
    std::string type;
    bool writable = false;
    /// As org.freedesktop.DBus.Property.EmitsChangedSignal has it: const, true, invalidates, false.
    std::string emits_changed;
};
struct Members {
    std::vector<Method> methods;
    std::vector<Property> properties;
};

Members members_of(const sd_bus_vtable* vtable);

/// The introspection document of one interface, as kept in dbus/NAME.xml.
std::string introspection_xml(const Interface& interface);

} // namespace kheish::bus
