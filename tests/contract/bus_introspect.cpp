#include "bus/introspection.hpp"

#include <cstdio>
#include <string_view>

/// Prints the introspection document of one interface, to be kept in dbus/.
int main(int argument_count, char** arguments) {
    for (const kheish::bus::Interface& interface : kheish::bus::interfaces())
        if (argument_count == 2 && std::string_view(arguments[1]) == interface.name) {
            const std::string xml = kheish::bus::introspection_xml(interface);
            return std::fputs(xml.c_str(), stdout) < 0 ? 1 : 0;
        }
    (void)std::fputs("usage: bus-introspect INTERFACE\n", stderr);
    return 2;
}
