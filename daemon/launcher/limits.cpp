#include "launcher/limits.hpp"

#include "sandbox/settings.hpp"

#include <algorithm>
#include <array>

namespace kheish::launcher {

namespace {

constexpr std::string_view kMaximumPrefix = "maximum_";
constexpr std::uint64_t kAmountLimit = std::uint64_t{1} << 53;
constexpr std::uint64_t kWeightLimit = 10000;
constexpr std::uint64_t kRunsLimit = 4096;

struct Field {
    std::string_view key;
    std::uint64_t sandbox::Limits::*member;
    std::uint64_t limit;
};

constexpr std::array kFields{
    Field{"memory_max_bytes", &sandbox::Limits::memory_max_bytes, kAmountLimit},
    Field{"tasks_max", &sandbox::Limits::tasks_max, kAmountLimit},
    Field{"cpu_weight", &sandbox::Limits::cpu_weight, kWeightLimit},
    Field{"cpu_quota_us_per_second", &sandbox::Limits::cpu_quota_us_per_second, kAmountLimit},
    Field{"io_weight", &sandbox::Limits::io_weight, kWeightLimit},
    Field{"runtime_max_us", &sandbox::Limits::runtime_max_us, kAmountLimit},
};

Status apply(const sandbox::Setting& setting, LimitPolicy& policy) {
    if (setting.key == "runs_max") {
        KHEISH_TRY(const std::uint64_t runs, sandbox::parse_amount(setting, 1, kRunsLimit));
        policy.runs_max = static_cast<std::uint32_t>(runs);
        return {};
    }
    if (setting.key == "require_limits") {
        KHEISH_TRY(policy.require_limits, sandbox::parse_switch(setting));
        return {};
    }
    std::string_view key = setting.key;
    const bool is_maximum = key.starts_with(kMaximumPrefix);
    if (is_maximum)
        key.remove_prefix(kMaximumPrefix.size());
    for (const Field& field : kFields) {
        if (field.key != key)
            continue;
        sandbox::Limits& limits = is_maximum ? policy.maximum : policy.standard;
        KHEISH_TRY(limits.*field.member, sandbox::parse_amount(setting, 0, field.limit));
        return {};
    }
    return fail(
        Errc::invalid_configuration,
        "line " + std::to_string(setting.line) + ": " + setting.key +
            " is no setting of the launcher");
}

} // namespace

Result<LimitPolicy> parse_limits(std::string_view text, LimitPolicy policy) {
    KHEISH_TRY(const std::vector<sandbox::Setting> settings, sandbox::parse_settings(text));
    for (const sandbox::Setting& setting : settings)
        KHEISH_CHECK(apply(setting, policy));
    return policy;
}

Result<LimitPolicy> load_limits() {
    LimitPolicy policy;
    for (const std::string_view path : kLimitFiles) {
        const Result<std::string> text = sandbox::read_owned_file(std::string(path), 0);
        if (!text && text.error().code == Errc::not_found)
            continue;
        if (!text)
            return fail(text.error());
        Result<LimitPolicy> changed = parse_limits(*text, policy);
        if (!changed)
            return fail(std::move(changed).error().wrap(path));
        policy = *changed;
    }
    return policy;
}

sandbox::Limits clamp(const sandbox::Limits& wanted, const LimitPolicy& policy) {
    sandbox::Limits limits;
    for (const Field& field : kFields) {
        const std::uint64_t asked = wanted.*field.member;
        const std::uint64_t bound = policy.maximum.*field.member;
        std::uint64_t amount = asked != 0 ? asked : policy.standard.*field.member;
        // Without a number of its own a run would be unbounded, so the bound itself applies.
        if (bound != 0)
            amount = amount == 0 ? bound : std::min(amount, bound);
        limits.*field.member = amount;
    }
    return limits;
}

} // namespace kheish::launcher
