#include "bus/log_control.hpp"

#include "base/log.hpp"
#include "bus/edge.hpp"
#include "bus/error_reply.hpp"

#include <array>
#include <cstdlib>
#include <string_view>

namespace kheish::bus {

namespace {

struct LevelWord {
    const char* word;
    Level level;
};

/// The first word of a level is the one that is shown.
constexpr std::array kWords{
    LevelWord{"crit", Level::critical},
    LevelWord{"err", Level::error},
    LevelWord{"warning", Level::warning},
    LevelWord{"notice", Level::notice},
    LevelWord{"info", Level::info},
    LevelWord{"debug", Level::debug},
    LevelWord{"emerg", Level::critical},
    LevelWord{"alert", Level::critical},
};

const char* target() {
    return std::getenv("JOURNAL_STREAM") != nullptr ? "journal" : "console";
}

int get_level(
    sd_bus*,
    const char*,
    const char*,
    const char*,
    sd_bus_message* reply,
    void*,
    sd_bus_error*) noexcept {
    for (const LevelWord& row : kWords)
        if (row.level == log_level())
            return sd_bus_message_append(reply, "s", row.word);
    return -EINVAL;
}

Status change_level(const BusEdge& edge, sd_bus_message* value) {
    if (!edge.caller_is_root())
        return fail(Errc::forbidden, "only root sets the log level");
    const char* word = nullptr;
    if (sd_bus_message_read(value, "s", &word) <= 0)
        return fail(Errc::bad_request, "the log level cannot be read");
    for (const LevelWord& row : kWords)
        if (std::string_view(row.word) == word) {
            set_log_level(row.level);
            return {};
        }
    return fail(Errc::invalid_argument, "a log level is a priority of syslog(3), such as \"info\"");
}

int set_level(
    sd_bus*,
    const char*,
    const char*,
    const char*,
    sd_bus_message* value,
    void* data,
    sd_bus_error* error) noexcept {
    const Status changed = change_level(*static_cast<BusEdge*>(data), value);
    return changed ? 0 : set_error(error, changed.error());
}

int get_target(
    sd_bus*,
    const char*,
    const char*,
    const char*,
    sd_bus_message* reply,
    void*,
    sd_bus_error*) noexcept {
    return sd_bus_message_append(reply, "s", target());
}

int set_target(
    sd_bus*,
    const char*,
    const char*,
    const char*,
    sd_bus_message* value,
    void*,
    sd_bus_error* error) noexcept {
    const char* word = nullptr;
    if (sd_bus_message_read(value, "s", &word) > 0 && std::string_view(word) == target())
        return 0;
    return set_error(
        error,
        Error{
            .code = Errc::invalid_argument,
            .message = "the log goes where the service manager sends it"});
}

int get_identifier(
    sd_bus*,
    const char*,
    const char*,
    const char*,
    sd_bus_message* reply,
    void*,
    sd_bus_error*) noexcept {
    return sd_bus_message_append(reply, "s", "kheishd");
}

const sd_bus_vtable kVtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_WRITABLE_PROPERTY("LogLevel", "s", get_level, set_level, 0, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_WRITABLE_PROPERTY(
        "LogTarget", "s", get_target, set_target, 0, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_PROPERTY("SyslogIdentifier", "s", get_identifier, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_VTABLE_END,
};

} // namespace

const sd_bus_vtable* log_control_vtable() {
    return kVtable;
}

} // namespace kheish::bus
