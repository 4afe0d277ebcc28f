#include "bus/inhibitor.hpp"

#include "base/log.hpp"

#include <cerrno>

#include <fcntl.h>

namespace kheish::bus {

namespace {

void warn(const std::string& what, const std::string& reason) {
    log(Level::warning,
        "logind gives no lock",
        {{"KHEISH_INHIBIT", what}, {log_field::kError, reason}});
}

} // namespace

Inhibitor::Inhibitor(sd_bus* bus, const std::string& what, const std::string& why, Mode mode)
    : what_(what) {
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
        warn(what, system_error("Inhibit", -asked).to_string());
    slot_.reset(slot);
}

int Inhibitor::on_reply(sd_bus_message* reply, void* data, sd_bus_error*) noexcept {
    Inhibitor& self = *static_cast<Inhibitor*>(data);
    int fd = -1;
    if (sd_bus_message_is_method_error(reply, nullptr) > 0)
        warn(self.what_, sd_bus_message_get_error(reply)->message);
    else if (sd_bus_message_read(reply, "h", &fd) <= 0)
        warn(self.what_, "its answer cannot be read");
    else // the message's descriptor goes with the message
        self.lock_ = Fd(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
    return 0;
}

} // namespace kheish::bus
