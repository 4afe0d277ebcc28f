#pragma once

#include "bus/edge.hpp"
#include "bus/error_reply.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <vector>

namespace kheish::bus {

/// Appends text as "s", texts as "as", and a count or a time as "t"; a negative number would be a
/// fault of the service and shows as 0.
inline int append_value(sd_bus_message* reply, const std::string& value) {
    return sd_bus_message_append_basic(reply, 's', value.c_str());
}
inline int append_value(sd_bus_message* reply, std::int64_t value) {
    const std::uint64_t shown = value < 0 ? 0 : static_cast<std::uint64_t>(value);
    return sd_bus_message_append_basic(reply, 't', &shown);
}

inline int append_value(sd_bus_message* reply, const std::vector<std::string>& values) {
    int result = sd_bus_message_open_container(reply, 'a', "s");
    for (const std::string& value : values)
        if (result >= 0)
            result = append_value(reply, value);
    return result < 0 ? result : sd_bus_message_close_container(reply);
}

/// An sd-bus getter: reads the summary of the object at `path` and appends the part of it that
/// `Get` (a member or a function) gives, if the reader may see it. Traits: Summary, read().
template <class Traits, auto Get>
int get_property(
    sd_bus*,
    const char* path,
    const char*,
    const char*,
    sd_bus_message* reply,
    void* data,
    sd_bus_error* error) noexcept {
    BusEdge& edge = *static_cast<BusEdge*>(data);
    const Result<typename Traits::Summary> summary = Traits::read(edge, path);
    if (!summary)
        return set_error(error, summary.error());
    if (!edge.reader_may_see(summary->owner))
        return set_error(
            error,
            Error{
                .code = Errc::forbidden,
                .message = "the properties are for the owner; use Describe()"});
    return append_value(reply, std::invoke(Get, *summary));
}

} // namespace kheish::bus
