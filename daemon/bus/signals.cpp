#include "bus/signals.hpp"

#include "bus/object_path.hpp"

namespace kheish::bus {

namespace {

constexpr const char* kObjectManager = "org.freedesktop.DBus.ObjectManager";
constexpr const char* kProperties = "org.freedesktop.DBus.Properties";

constexpr std::uint64_t kChanges = SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE;
constexpr std::uint64_t kConst = SD_BUS_VTABLE_PROPERTY_CONST;
constexpr std::uint64_t kInvalidates = SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION;

/// sd_bus_error lives on the stack and wants to be freed.
class GetterError {
  public:
    GetterError() = default;
    ~GetterError() { sd_bus_error_free(&error_); }
    GetterError(const GetterError&) = delete;
    GetterError& operator=(const GetterError&) = delete;
    sd_bus_error* get() { return &error_; }

  private:
    sd_bus_error error_{}; // SD_BUS_ERROR_NULL is no C++ for clang
};

/// Builds one signal; the first step that fails makes the others do nothing.
class SignalWriter {
  public:
    SignalWriter(const Subject& subject, const char* path, const char* interface, const char* name)
        : subject_(subject) {
        sd_bus_message* raw = nullptr;
        result_ = sd_bus_message_new_signal(subject.bus, &raw, path, interface, name);
        message_.reset(raw);
    }

    void open(char type, const char* contents) {
        if (result_ >= 0)
            result_ = sd_bus_message_open_container(message_.get(), type, contents);
    }
    void close() {
        if (result_ >= 0)
            result_ = sd_bus_message_close_container(message_.get());
    }
    void append(char type, const char* text) {
        if (result_ >= 0)
            result_ = sd_bus_message_append_basic(message_.get(), type, text);
    }
    /// An a{sv} of the properties that have one of `flags`.
    void append_values(std::uint64_t flags) {
        open('a', "{sv}");
        each_property(flags, [this](const sd_bus_vtable& row) { append_value(row); });
        close();
    }
    /// An "as" of the names of properties that have one of `flags`.
    void append_names(std::uint64_t flags) {
        open('a', "s");
        each_property(
            flags, [this](const sd_bus_vtable& row) { append('s', row.x.property.member); });
        close();
    }
    int send(const std::string& destination) {
        if (result_ >= 0 && !destination.empty())
            result_ = sd_bus_message_set_destination(message_.get(), destination.c_str());
        return result_ < 0 ? result_ : sd_bus_send(subject_.bus, message_.get(), nullptr);
    }

  private:
    template <class Function>
    void each_property(std::uint64_t flags, Function function) const {
        const sd_bus_vtable* row = subject_.interface.vtable;
        for (; row->type != _SD_BUS_VTABLE_END; ++row)
            if (row->type == _SD_BUS_VTABLE_PROPERTY && (row->flags & flags) != 0)
                function(*row);
    }
    void append_value(const sd_bus_vtable& row) {
        open('e', "sv");
        append('s', row.x.property.member);
        open('v', row.x.property.signature);
        GetterError error;
        if (result_ >= 0)
            result_ = row.x.property.get(
                subject_.bus,
                subject_.path.c_str(),
                subject_.interface.name,
                row.x.property.member,
                message_.get(),
                subject_.object,
                error.get());
        close();
        close();
    }

    const Subject& subject_;
    BusMessage message_;
    int result_ = 0;
};

} // namespace

int send_interfaces_added(const Subject& subject, const std::string& destination) {
    SignalWriter signal(subject, kRootPath, kObjectManager, "InterfacesAdded");
    signal.append('o', subject.path.c_str());
    signal.open('a', "{sa{sv}}");
    signal.open('e', "sa{sv}");
    signal.append('s', subject.interface.name);
    signal.append_values(kChanges | kConst);
    signal.close();
    signal.close();
    return signal.send(destination);
}

int send_properties_changed(const Subject& subject, const std::string& destination) {
    SignalWriter signal(subject, subject.path.c_str(), kProperties, "PropertiesChanged");
    signal.append('s', subject.interface.name);
    signal.append_values(kChanges);
    signal.append_names(kInvalidates);
    return signal.send(destination);
}

int send_interfaces_removed(const Subject& subject, const std::string& destination) {
    SignalWriter signal(subject, kRootPath, kObjectManager, "InterfacesRemoved");
    signal.append('o', subject.path.c_str());
    signal.open('a', "s");
    signal.append('s', subject.interface.name);
    signal.close();
    return signal.send(destination);
}

} // namespace kheish::bus
