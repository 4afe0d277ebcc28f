#include "bus/error_reply.hpp"

#include "base/log.hpp"
#include "base/text.hpp"

#include <string>
#include <vector>

namespace kheish::bus {

namespace {

/// libsystemd keeps the pointers for ever.
struct NameMap {
    std::vector<std::string> names;
    std::vector<sd_bus_error_map> rows;

    NameMap() {
        names.reserve(error_table().size());
        for (const ErrorInfo& info : error_table()) {
            names.push_back(std::string(kDbusErrorPrefix) + std::string(info.dbus));
            rows.push_back(SD_BUS_ERROR_MAP(names.back().c_str(), info.sys_errno));
        }
        rows.push_back(SD_BUS_ERROR_MAP_END);
        (void)sd_bus_error_add_map(rows.data()); // fails only for a malformed table
    }
};

} // namespace

void register_error_names() {
    static const NameMap map;
}

int set_error(sd_bus_error* target, const Error& error) {
    const std::string name =
        std::string(kDbusErrorPrefix) + std::string(error_info(error.code).dbus);
    const std::string text = to_valid_utf8(error.message);
    const std::string message(truncate_utf8(text, kErrorMessageLimitBytes));
    const int result = sd_bus_error_set(target, name.c_str(), message.c_str());
    return result < 0 ? result : -EIO;
}

void reply_error(sd_bus_message* call, const Error& error) {
    BusError reply;
    (void)set_error(reply.get(), error);
    if (const int sent = sd_bus_reply_method_error(call, reply.get()); sent < 0)
        log(Level::debug,
            "an error reply was not sent: the caller or the bus is gone",
            {{log_field::kError, std::to_string(-sent)}});
}

} // namespace kheish::bus
