#pragma once

#include <memory>

#include <systemd/sd-bus.h>

namespace kheish {

/// Calls a C library's release function; stateless, so a Handle is as small as a pointer.
template <auto Release>
struct Releaser {
    template <class T>
    void operator()(T* object) const noexcept {
        (void)Release(object);
    }
};

/// Owns one object of a C library. Each library's handles are declared once, in the folder that
/// uses it, as `using Name = Handle<type, release_function>`.
template <class T, auto Release>
using Handle = std::unique_ptr<T, Releaser<Release>>;

using BusHandle = Handle<sd_bus, sd_bus_flush_close_unref>;
using BusSlot = Handle<sd_bus_slot, sd_bus_slot_unref>;
using BusMessage = Handle<sd_bus_message, sd_bus_message_unref>;

/// sd_bus_error lives on the stack and owns two strings.
class BusError {
  public:
    BusError() = default;
    BusError(const BusError&) = delete;
    BusError& operator=(const BusError&) = delete;
    ~BusError() { sd_bus_error_free(&error_); }
    sd_bus_error* get() { return &error_; }
    const char* name() const { return error_.name != nullptr ? error_.name : ""; }
    const char* message() const { return error_.message != nullptr ? error_.message : ""; }

  private:
    sd_bus_error error_{}; // SD_BUS_ERROR_NULL is a C99 literal, which clang refuses in C++
};

} // namespace kheish
