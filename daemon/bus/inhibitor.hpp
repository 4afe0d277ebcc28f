#pragma once

#include "base/fd.hpp"
#include "base/handle.hpp"

#include <string>

namespace kheish::bus {

/// An inhibitor lock of systemd-logind (org.freedesktop.login1(5), Inhibit()): asked for without
/// waiting, held from the answer to the end of this. Where there is no logind, or it refuses, the
/// log says so and nothing is held.
class Inhibitor {
  public:
    enum class Mode { block, delay };

    /// `what` as systemd-inhibit(1) has it: "sleep", "idle:handle-lid-switch". The bus outlives it.
    Inhibitor(sd_bus* bus, const std::string& what, const std::string& why, Mode mode);
    Inhibitor(const Inhibitor&) = delete;
    Inhibitor& operator=(const Inhibitor&) = delete;
    ~Inhibitor() = default;

    bool is_held() const { return static_cast<bool>(lock_); }

  private:
    static int on_reply(sd_bus_message* reply, void* data, sd_bus_error*) noexcept;

    std::string what_;
    Mode mode_;
    Fd lock_;
    BusSlot slot_;
};

} // namespace kheish::bus
