#include "launcher/unit_properties.hpp"

#include "base/fd.hpp"

namespace kheish::launcher {

namespace {

constexpr std::uint64_t kStopTimeoutUs = 2'000'000;

/// Appends to a message and remembers the first failure.
class Writer {
  public:
    explicit Writer(sd_bus_message* message) : message_(message) {
        if (message_ == nullptr)
            result_ = -ENOMEM;
    }

    template <class... Values>
    void append(const char* types, Values... values) {
        if (result_ >= 0)
            result_ = sd_bus_message_append(message_, types, values...);
    }
    void open(char type, const char* contents) {
        if (result_ >= 0)
            result_ = sd_bus_message_open_container(message_, type, contents);
    }
    void close_container() {
        if (result_ >= 0)
            result_ = sd_bus_message_close_container(message_);
    }
    void number(const char* name, std::uint64_t value) { append("(sv)", name, "t", value); }
    void flag(const char* name, bool value) { append("(sv)", name, "b", static_cast<int>(value)); }
    void text(const char* name, const std::string& value) {
        append("(sv)", name, "s", value.c_str());
    }
    Status status(const char* what) const {
        if (result_ < 0)
            return fail_errno(what, -result_);
        return {};
    }

  private:
    sd_bus_message* message_;
    int result_ = 0;
};

void append_limits(Writer& writer, const SliceSpec& spec) {
    const sandbox::Limits& limits = spec.limits;
    if (limits.memory_max_bytes != 0) {
        writer.number("MemoryMax", limits.memory_max_bytes);
        // Throttling helps only where pages can go somewhere: without swap a hog would stall for
        // ever instead of being killed.
        if (spec.host_has_swap)
            writer.number("MemoryHigh", limits.memory_max_bytes - limits.memory_max_bytes / 10);
        else
            writer.number("MemorySwapMax", 0);
    }
    if (limits.tasks_max != 0)
        writer.number("TasksMax", limits.tasks_max);
    if (limits.cpu_weight != 0)
        writer.number("CPUWeight", limits.cpu_weight);
    if (limits.cpu_quota_us_per_second != 0)
        writer.number("CPUQuotaPerSecUSec", limits.cpu_quota_us_per_second);
    if (limits.io_weight != 0)
        writer.number("IOWeight", limits.io_weight);
}

} // namespace

Status append_slice(sd_bus_message* message, const SliceSpec& spec) {
    Writer writer(message);
    const std::string name = run_slice_name(spec.run);
    writer.append("ss", name.c_str(), "fail");
    writer.open('a', "(sv)");
    writer.text("Description", "Kheish " + spec.run.to_string());
    for (const char* accounting :
         {"CPUAccounting", "MemoryAccounting", "TasksAccounting", "IOAccounting"})
        writer.flag(accounting, true);
    append_limits(writer, spec);
    writer.close_container();
    writer.append("a(sa(sv))", 0);
    return writer.status("describing the slice");
}

Status append_slice_change(sd_bus_message* message, const SliceSpec& spec) {
    Writer writer(message);
    const std::string name = run_slice_name(spec.run);
    writer.append("sb", name.c_str(), 1);
    writer.open('a', "(sv)");
    append_limits(writer, spec);
    writer.close_container();
    return writer.status("describing the slice");
}

Status append_scope(sd_bus_message* message, const ScopeSpec& spec, int manager_version) {
    Writer writer(message);
    const std::string name = run_scope_name(spec.attempt.run, spec.attempt.number);
    writer.append("ss", name.c_str(), "fail");
    writer.open('a', "(sv)");
    writer.text("Description", scope_description(spec.attempt, spec.journal));
    writer.text("Slice", run_slice_name(spec.attempt.run));
    // A pidfd cannot come to mean another process.
    if (manager_version >= kPidfdVersion && spec.pidfd != nullptr && *spec.pidfd)
        writer.append("(sv)", "PIDFDs", "ah", 1, spec.pidfd->get());
    else
        writer.append("(sv)", "PIDs", "au", 1, static_cast<std::uint32_t>(spec.process));
    writer.text("CollectMode", "inactive-or-failed");
    // One tool's OOM kill is that tool's end, not the run's.
    if (manager_version >= kScopeOomPolicyVersion)
        writer.text("OOMPolicy", "continue");
    writer.number("TimeoutStopUSec", kStopTimeoutUs);
    if (spec.runtime_max_us != 0)
        writer.number("RuntimeMaxUSec", spec.runtime_max_us);
    writer.close_container();
    writer.append("a(sa(sv))", 0);
    return writer.status("describing the scope");
}

} // namespace kheish::launcher
