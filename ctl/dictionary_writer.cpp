#include "dictionary_writer.hpp"

namespace kheish::ctl {

namespace {

using codec::Json;

Status check(int result) {
    if (result < 0)
        return fail_errno("making a D-Bus message", -result, Errc::bad_request);
    return {};
}

Status append_variant(sd_bus_message* message, const Json& value);

Status append_array(sd_bus_message* message, const Json& array) {
    KHEISH_CHECK(check(sd_bus_message_open_container(message, 'a', "v")));
    for (const Json& item : array.items())
        KHEISH_CHECK(append_variant(message, item));
    return check(sd_bus_message_close_container(message));
}

Status append_variant(sd_bus_message* message, const Json& value) {
    if (value.is_string())
        return check(sd_bus_message_append(message, "v", "s", value.string().c_str()));
    if (value.is_boolean())
        return check(sd_bus_message_append(message, "v", "b", value.boolean() ? 1 : 0));
    if (value.is_integer())
        return check(sd_bus_message_append(message, "v", "x", value.integer()));
    if (value.is_number())
        return check(sd_bus_message_append(message, "v", "d", value.number()));
    if (!value.is_object() && !value.is_array())
        return fail(Errc::bad_request, "D-Bus has no null");
    const bool object = value.is_object();
    KHEISH_CHECK(check(sd_bus_message_open_container(message, 'v', object ? "a{sv}" : "av")));
    KHEISH_CHECK(object ? append_dictionary(message, value) : append_array(message, value));
    return check(sd_bus_message_close_container(message));
}

} // namespace

Status append_dictionary(sd_bus_message* message, const Json& object) {
    KHEISH_CHECK(check(sd_bus_message_open_container(message, 'a', "{sv}")));
    for (const std::string& key : object.keys()) {
        KHEISH_CHECK(check(sd_bus_message_open_container(message, 'e', "sv")));
        KHEISH_CHECK(check(sd_bus_message_append(message, "s", key.c_str())));
        KHEISH_CHECK(append_variant(message, *object.find(key)));
        KHEISH_CHECK(check(sd_bus_message_close_container(message)));
    }
    return check(sd_bus_message_close_container(message));
}

} // namespace kheish::ctl
