#include "bus/sleep_watch.hpp"

#include "base/log.hpp"

#include <utility>

namespace kheish::bus {

SleepWatch::SleepWatch(sd_bus* bus, control::HostEvents& host)
    : bus_(bus), host_(host), self_(std::make_shared<SleepWatch*>(this)) {
    sd_bus_slot* slot = nullptr;
    const int matched = sd_bus_match_signal_async(
        bus,
        &slot,
        "org.freedesktop.login1",
        "/org/freedesktop/login1",
        "org.freedesktop.login1.Manager",
        "PrepareForSleep",
        on_signal,
        nullptr,
        this);
    if (matched < 0)
        log(Level::warning,
            "kheishd will not hear of the machine's sleep",
            {{log_field::kError, system_error("PrepareForSleep", -matched).to_string()}});
    match_.reset(slot);
    take_lock();
}

SleepWatch::~SleepWatch() {
    if (asleep_)
        host_.after_sleep();
}

void SleepWatch::take_lock() {
    lock_ = std::make_unique<Inhibitor>(
        bus_, "sleep", "Writing down what agents were doing", Inhibitor::Mode::delay);
}

int SleepWatch::on_signal(sd_bus_message* message, void* data, sd_bus_error*) noexcept {
    SleepWatch& self = *static_cast<SleepWatch*>(data);
    int begins = 0;
    if (sd_bus_message_read(message, "b", &begins) <= 0)
        return 0; // not logind's
    if (begins != 0)
        self.on_sleep();
    else
        self.on_wake();
    return 0;
}

void SleepWatch::on_sleep() {
    if (std::exchange(asleep_, true))
        return;
    host_.before_sleep(
        Responder<void>([weak = std::weak_ptr<SleepWatch*>(self_)](const Result<void>& /*ready*/) {
            // Whether it is written or cannot be: the machine need not wait any longer.
            if (const std::shared_ptr<SleepWatch*> self = weak.lock())
                (*self)->lock_.reset();
        }));
}

void SleepWatch::on_wake() {
    if (!std::exchange(asleep_, false))
        return;
    take_lock();
    host_.after_sleep();
}

} // namespace kheish::bus
