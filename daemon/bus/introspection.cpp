#include "bus/introspection.hpp"

#include <cstring>

namespace kheish::bus {

namespace {

/// The length of the first complete type of a valid signature.
std::size_t first_type(std::string_view signature) {
    switch (signature.front()) {
    case 'a':
        return 1 + first_type(signature.substr(1));
    case '(':
    case '{': {
        const char last = signature.front() == '(' ? ')' : '}';
        std::size_t length = 1;
        while (signature[length] != last)
            length += first_type(signature.substr(length));
        return length + 1;
    }
    default:
        return 1;
    }
}

/// `names` are strings one behind the other; moves it behind those that belong to `signature`.
std::vector<Argument> arguments(const char* types, const char*& names) {
    std::vector<Argument> list;
    std::string_view signature = types != nullptr ? types : ""; // SD_BUS_NO_ARGS is a null
    while (!signature.empty()) {
        const std::size_t length = first_type(signature);
        list.push_back({names, std::string(signature.substr(0, length))});
        names += std::strlen(names) + 1;
        signature.remove_prefix(length);
    }
    return list;
}

std::string emits_changed(std::uint64_t flags) {
    if ((flags & SD_BUS_VTABLE_PROPERTY_CONST) != 0)
        return "const";
    if ((flags & SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE) != 0)
        return "true";
    if ((flags & SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION) != 0)
        return "invalidates";
    return "false";
}

void print_arguments(
    std::string& xml, const std::vector<Argument>& arguments, std::string_view direction) {
    for (const Argument& argument : arguments)
        xml.append("      <arg type=\"")
            .append(argument.type)
            .append("\" name=\"")
            .append(argument.name)
            .append("\" direction=\"")
            .append(direction)
            .append("\"/>\n");
}

void print_property(std::string& xml, const Property& property) {
    xml.append("    <property name=\"")
        .append(property.name)
        .append("\" type=\"")
        .append(property.type)
        .append("\" access=\"")
        .append(property.writable ? "readwrite" : "read")
        .append("\">\n      <annotation ")
        .append("name=\"org.freedesktop.DBus.Property.EmitsChangedSignal\" value=\"")
        .append(property.emits_changed)
        .append("\"/>\n    </property>\n");
}

} // namespace

Members members_of(const sd_bus_vtable* vtable) {
    Members members;
    for (const sd_bus_vtable* row = vtable; row->type != _SD_BUS_VTABLE_END; ++row) {
        if (row->type == _SD_BUS_VTABLE_METHOD) {
            const char* names = row->x.method.names;
            Method method{.name = row->x.method.member, .in = {}, .out = {}};
            method.in = arguments(row->x.method.signature, names);
            method.out = arguments(row->x.method.result, names);
            members.methods.push_back(std::move(method));
        } else if (
            row->type == _SD_BUS_VTABLE_PROPERTY || row->type == _SD_BUS_VTABLE_WRITABLE_PROPERTY) {
            members.properties.push_back(
                {.name = row->x.property.member,
                 .type = row->x.property.signature,
                 .writable = row->type == _SD_BUS_VTABLE_WRITABLE_PROPERTY,
                 .emits_changed = emits_changed(row->flags)});
        }
    }
    return members;
}

std::string introspection_xml(const Interface& interface) {
    std::string xml =
        "<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n"
        " \"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n"
        "<node>\n  <interface name=\"";
    xml.append(interface.name).append("\">\n");
    const Members members = members_of(interface.vtable);
    for (const Method& method : members.methods) {
        xml.append("    <method name=\"").append(method.name).append("\">\n");
        print_arguments(xml, method.in, "in");
        print_arguments(xml, method.out, "out");
        xml.append("    </method>\n");
    }
    for (const Property& property : members.properties)
        print_property(xml, property);
    return xml.append("  </interface>\n</node>\n");
}

} // namespace kheish::bus
