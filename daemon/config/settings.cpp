#include "config/settings.hpp"

#include "base/fd.hpp"
#include "base/text.hpp"
#include "config/table_reader.hpp"
#include "config/toml_file.hpp"

#include <array>
#include <filesystem>
#include <map>
#include <optional>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace kheish::config {

namespace {

constexpr std::int64_t kMebibyte = std::int64_t{1} << 20;
constexpr std::int64_t kGibibyte = std::int64_t{1} << 30;
constexpr std::int64_t kWeekSeconds = 604'800;
constexpr std::int64_t kMonthSeconds = 2'592'000;
constexpr std::int64_t kYearSeconds = 31'622'400;
constexpr std::size_t kRuleLimit = 1024;
constexpr std::size_t kDropInLimit = 256;
constexpr std::size_t kNameLimit = 64;
constexpr std::size_t kEscalationLimit = 16;
constexpr std::size_t kInternalHostsLimit = 64;
constexpr std::array<std::string_view, 5> kModes{
    "default", "acceptEdits", "plan", "dontAsk", "bypassPermissions"};

/// Reads an integer key into `target`, which keeps its default where the key is not there.
template <class Target>
void read_number(
    TableReader& reader,
    std::string_view key,
    std::int64_t smallest,
    std::int64_t largest,
    Target& target) {
    if (const std::optional<std::int64_t> number = reader.integer(key, smallest, largest))
        target = Target(*number);
}

Status read_runs(const Value& value, Settings::Runs& runs) {
    TableReader reader(value, "runs");
    read_number(reader, "max_turns", 0, 1'000'000, runs.max_turns);
    read_number(reader, "max_output_tokens", 1, 1'000'000, runs.max_output_tokens);
    read_number(reader, "context_limit_bytes", 4096, kMebibyte * 64, runs.context_limit_bytes);
    read_number(reader, "queued_per_session", 1, 100'000, runs.queued_per_session);
    read_number(reader, "live", 1, 1'000'000, runs.live);
    read_number(reader, "stuck_after_seconds", 60, kWeekSeconds, runs.stuck_after);
    // The edges take bodies of 16 MiB.
    read_number(reader, "input_limit_bytes", 1, kMebibyte * 16, runs.input_limit_bytes);
    return reader.finish();
}

Status read_permissions(const Value& value, Settings::Permissions& permissions) {
    TableReader reader(value, "permissions");
    if (const std::optional<std::size_t> mode = reader.word("mode", kModes))
        permissions.mode = kModes.at(*mode);
    read_number(
        reader,
        "approvals_expire_after_seconds",
        0,
        kYearSeconds,
        permissions.approvals_expire_after);
    read_number(
        reader,
        "approvals_remind_after_seconds",
        0,
        kYearSeconds,
        permissions.approvals_remind_after);
    read_number(
        reader,
        "approvals_escalate_after_seconds",
        0,
        kYearSeconds,
        permissions.approvals_escalate_after);
    permissions.approvals_escalate_to = reader.strings("approvals_escalate_to", kEscalationLimit);
    permissions.desktop_prompts =
        reader.boolean("desktop_prompts").value_or(permissions.desktop_prompts);
    for (const Value* entry : reader.array_of_tables("rules", kRuleLimit)) {
        KHEISH_TRY(PermissionRule rule, read_permission_rule(*entry, "permissions.rules"));
        permissions.rules.push_back(std::move(rule));
    }
    KHEISH_CHECK(reader.finish());
    const bool names_somebody = !permissions.approvals_escalate_to.empty();
    if (names_somebody != (permissions.approvals_escalate_after.count() > 0))
        return fail(
            Errc::invalid_configuration,
            "permissions: approvals_escalate_after_seconds and approvals_escalate_to go together");
    return {};
}

Status read_limits(const Value& value, Settings::Limits& limits) {
    TableReader reader(value, "limits");
    read_number(
        reader,
        "memory_max_bytes",
        kMebibyte * 16,
        kGibibyte * 1024 * 1024,
        limits.memory_max_bytes);
    read_number(reader, "tasks_max", 8, 1'000'000, limits.tasks_max);
    read_number(reader, "cpu_weight", 1, 10'000, limits.cpu_weight);
    read_number(reader, "cpu_quota_percent", 0, 1'000'000, limits.cpu_quota_percent);
    read_number(reader, "io_weight", 1, 10'000, limits.io_weight);
    read_number(reader, "runtime_max_seconds", 60, kMonthSeconds, limits.runtime_max);
    limits.require = reader.boolean("require").value_or(limits.require);
    return reader.finish();
}

Status read_sandbox(const Value& value, Settings::Sandbox& sandbox) {
    TableReader reader(value, "sandbox");
    if (const std::optional<std::string> profile = reader.string("profile")) {
        if (!is_label(*profile))
            reader.reject("profile", kLabelRule);
        sandbox.profile = *profile;
    }
    return reader.finish();
}

Status read_tools(const Value& value, Settings::Tools& tools) {
    TableReader reader(value, "tools");
    read_number(
        reader, "output_limit_bytes", 1024, tools.output_limit_bytes, tools.output_limit_bytes);
    read_number(reader, "timeout_max_ms", 1000, tools.timeout_max.count(), tools.timeout_max);
    return reader.finish();
}

Status read_web(const Value& value, Settings::Web& web) {
    TableReader reader(value, "web");
    for (const std::string& text : reader.strings("internal_hosts", kInternalHostsLimit)) {
        Result<codec::HostPattern> pattern = codec::parse_host_pattern(text);
        if (pattern)
            web.internal_hosts.push_back(*std::move(pattern));
        else
            reader.reject("internal_hosts", pattern.error().message);
    }
    return reader.finish();
}

Status read_inhibit(const Value& value, Settings::Inhibit& inhibit) {
    TableReader reader(value, "inhibit");
    inhibit.idle = reader.boolean("idle").value_or(inhibit.idle);
    inhibit.suspend = reader.boolean("sleep").value_or(inhibit.suspend);
    inhibit.lid = reader.boolean("lid").value_or(inhibit.lid);
    return reader.finish();
}

Status read_http(const Value& value, Settings::Http& http) {
    TableReader reader(value, "http");
    read_number(reader, "connections", 1, 100'000, http.connections);
    read_number(reader, "subscribers", 1, 100'000, http.subscribers);
    read_number(reader, "heartbeat_seconds", 1, 3600, http.heartbeat);
    http.allowed_hosts = reader.strings("allowed_hosts", kNameLimit);
    http.allowed_origins = reader.strings("allowed_origins", kNameLimit);
    http.tls_certificate = reader.path("tls_certificate").value_or("");
    http.tls_key = reader.path("tls_key").value_or("");
    http.tls_client_ca = reader.path("tls_client_ca").value_or("");
    if (http.tls_certificate.empty() != http.tls_key.empty())
        reader.reject("tls_key", "and tls_certificate belong together");
    if (!http.tls_client_ca.empty() && http.tls_key.empty())
        reader.reject("tls_client_ca", "needs tls_certificate and tls_key");
    return reader.finish();
}

Result<Settings> read_settings(const Value& value) {
    Settings settings;
    TableReader reader(value, "");
    if (const std::optional<std::string> path = reader.path("state_directory"))
        settings.state_directory = *path;
    if (const std::optional<std::string> path = reader.path("runtime_directory"))
        settings.runtime_directory = *path;
    if (const std::optional<std::string> path = reader.path("workspaces_directory"))
        settings.workspaces_directory = *path;
    if (const Value* table = reader.table("runs"))
        KHEISH_CHECK(read_runs(*table, settings.runs));
    if (const Value* table = reader.table("permissions"))
        KHEISH_CHECK(read_permissions(*table, settings.permissions));
    if (const Value* table = reader.table("limits"))
        KHEISH_CHECK(read_limits(*table, settings.limits));
    if (const Value* table = reader.table("sandbox"))
        KHEISH_CHECK(read_sandbox(*table, settings.sandbox));
    if (const Value* table = reader.table("tools"))
        KHEISH_CHECK(read_tools(*table, settings.tools));
    if (const Value* table = reader.table("web"))
        KHEISH_CHECK(read_web(*table, settings.web));
    if (const Value* table = reader.table("inhibit"))
        KHEISH_CHECK(read_inhibit(*table, settings.inhibit));
    if (const Value* table = reader.table("http"))
        KHEISH_CHECK(read_http(*table, settings.http));
    KHEISH_CHECK(reader.finish());
    return settings;
}

using DropIns = std::map<std::string, std::string, std::less<>>; ///< file name -> path

/// Puts the file at `path` over `value`; a missing file changes nothing.
Status add_file(Value& value, const std::string& path) {
    Result<Value> file = load_toml(path);
    if (!file && file.error().code == Errc::not_found)
        return {};
    KHEISH_CHECK(file);
    merge(value, std::move(*file));
    return {};
}

/// The drop-ins in `directory`, over those already in `drop_ins`.
Status list_drop_ins(const std::string& directory, DropIns& drop_ins) {
    std::error_code error;
    std::filesystem::directory_iterator entry(directory, error);
    if (error == std::errc::no_such_file_or_directory)
        return {};
    const std::filesystem::directory_iterator end;
    while (!error && entry != end) {
        const std::string name = entry->path().filename().string();
        if (entry->path().extension() == ".toml" && !name.starts_with('.'))
            drop_ins[name] = entry->path().string();
        entry.increment(error);
    }
    if (error)
        return fail_errno(directory, error.value(), Errc::invalid_configuration);
    if (drop_ins.size() > kDropInLimit)
        return fail(
            Errc::invalid_configuration,
            directory + " holds more than " + std::to_string(kDropInLimit) + " files");
    return {};
}

Result<DropIns> drop_ins_of(const Directories& directories) {
    DropIns drop_ins;
    KHEISH_CHECK(list_drop_ins(directories.vendor + "/kheish.toml.d", drop_ins));
    KHEISH_CHECK(list_drop_ins(directories.local + "/kheish.toml.d", drop_ins));
    return drop_ins;
}

} // namespace

Result<std::vector<SourceFile>> configuration_files(const Directories& directories) {
    std::vector<std::string> paths{
        directories.vendor + "/kheish.toml", directories.local + "/kheish.toml"};
    KHEISH_TRY(const DropIns drop_ins, drop_ins_of(directories));
    for (const auto& [name, path] : drop_ins)
        paths.push_back(path);
    const std::string routes = directories.local + "/routes.toml";
    paths.push_back(
        ::access(routes.c_str(), F_OK) == 0 ? routes : directories.vendor + "/routes.toml");
    std::vector<SourceFile> files;
    for (std::string& path : paths) {
        Result<std::string> text = read_file(path, kFileLimitBytes);
        if (text)
            files.push_back({std::move(path), *std::move(text)});
        else if (text.error().sys_errno != ENOENT)
            return fail(std::move(text).error());
    }
    return files;
}

Result<Settings> load_settings(const Directories& directories) {
    Value merged{.content = Table{}, .origin = directories.local + "/kheish.toml:1"};
    KHEISH_CHECK(add_file(merged, directories.vendor + "/kheish.toml"));
    KHEISH_CHECK(add_file(merged, directories.local + "/kheish.toml"));
    KHEISH_TRY(const DropIns drop_ins, drop_ins_of(directories));
    for (const auto& [name, path] : drop_ins)
        KHEISH_CHECK(add_file(merged, path));
    return read_settings(merged);
}

} // namespace kheish::config
