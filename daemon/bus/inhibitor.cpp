#include "bus/inhibitor.hpp"

#include "base/log.hpp"

#include <fcntl.h>

namespace kheish::bus {

namespace {

void say(Level level, const std::string& what, const std::string& reason) {
    log(level, "logind gives no lock", {{"KHEISH_INHIBIT", what}, {log_field::kError, reason}});
}

} // namespace

Inhibitor::Inhibitor(sd_bus* bus, const std::string& what, const std::string& why, Mode mode)
    : what_(what), mode_(mode) {
    sd_bus_slot* slot = nullptr;
    const int asked = sd_bus_call_method_async(
        bus,
        &slot,
        "org.freedesktop.login1",
        "/org/freedesktop/login1",
        "org.freedesktop.login1.Manager",
        "Inhibit",
        on_reply,
        this,
        "ssss",
        what.c_str(),
        "kheish",
        why.c_str(),
        mode == Mode::block ? "block" : "delay");
    if (asked < 0)
        say(Level::warning, what, system_error("Inhibit", -asked).to_string());
    slot_.reset(slot);
}

int Inhibitor::on_reply(sd_bus_message* reply, void* data, sd_bus_error*) noexcept {
    Inhibitor& self = *static_cast<Inhibitor*>(data);
    int fd = -1;
    // A host without logind never sleeps by it either; who wants it kept awake has to know.
    const bool is_missing = sd_bus_message_is_method_error(reply, SD_BUS_ERROR_SERVICE_UNKNOWN) > 0;
    const Level level = is_missing && self.mode_ == Mode::delay ? Level::info : Level::warning;
    if (sd_bus_message_is_method_error(reply, nullptr) > 0)
        say(level, self.what_, sd_bus_message_get_error(reply)->message);
    else if (sd_bus_message_read(reply, "h", &fd) <= 0)
        say(Level::warning, self.what_, "its answer cannot be read");
    else // the message's descriptor goes with the message
        self.lock_ = Fd(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
    return 0;
}

} // namespace kheish::bus
