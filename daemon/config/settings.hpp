#pragma once

#include "base/result.hpp"
#include "codec/url.hpp"
#include "config/permission_rules.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace kheish::config {

/// Where configuration lies; tests and `kheishd --config-directory` name others.
struct Directories {
    std::string vendor = "/usr/lib/kheish";
    std::string local = "/etc/kheish";
};

/// kheish.toml(5), read and checked. The initializers are the defaults of the keys.
struct Settings {
    std::string state_directory = "/var/lib/kheish";
    std::string runtime_directory = "/run/kheish";
    std::string workspaces_directory = "/var/lib/kheish-workspaces";

    struct Runs {
        std::int64_t max_turns = 500; ///< 0 is no ceiling
        std::int64_t max_output_tokens = 8192;
        std::int64_t context_limit_bytes = 400'000; ///< of a conversation, its input apart
        std::int64_t queued_per_session = 100;
        std::int64_t live = 10'000;             ///< runs that are neither queued nor ended
        std::chrono::seconds stuck_after{1800}; ///< without progress
        std::int64_t input_limit_bytes = std::int64_t{1} << 20;
    } runs;

    struct Permissions {
        std::chrono::seconds approvals_expire_after{0};   ///< 0 is never
        std::chrono::seconds approvals_remind_after{0};   ///< 0 is never
        std::chrono::seconds approvals_escalate_after{0}; ///< 0 is never
        std::vector<std::string> approvals_escalate_to;   ///< users and tokens, as written
        bool desktop_prompts = true;  ///< ask users for approvals where they sit
        std::string mode = "default"; ///< default, acceptEdits, plan, dontAsk, bypassPermissions
        std::vector<PermissionRule> rules;
    } permissions;

    /// Resource bounds of each run (systemd.resource-control(5)).
    struct Limits {
        std::int64_t memory_max_bytes = std::int64_t{2} << 30;
        std::int64_t tasks_max = 512;
        std::int64_t cpu_weight = 100;
        std::int64_t cpu_quota_percent = 0; ///< of one CPU; 0 is no quota
        std::int64_t io_weight = 100;
        std::chrono::seconds runtime_max{86'400}; ///< of one attempt
        bool require = false;                     ///< refuse runs where the kernel can't keep them
    } limits;

    struct Sandbox {
        std::string profile = "default";
    } sandbox;

    /// Of one call; both only go down from here, what tools::limits has is the most there is.
    struct Tools {
        std::int64_t output_limit_bytes = std::int64_t{16} << 20;
        std::chrono::milliseconds timeout_max{180'000};
    } tools;

    struct Web {
        /// Where web_fetch may go beside the web itself: without TLS and into private networks too.
        std::vector<codec::HostPattern> internal_hosts;
    } web;

    /// What the machine is kept from while a run works.
    struct Inhibit {
        bool idle = false;
        bool suspend = false; ///< key "sleep", as logind calls it
        bool lid = false;
    } inhibit;

    struct Http {
        std::int64_t connections = 4096;
        std::int64_t subscribers = 2048; ///< event streams
        std::chrono::seconds heartbeat{15};
        std::vector<std::string> allowed_hosts;
        std::vector<std::string> allowed_origins;
        std::string tls_certificate; ///< empty: no TLS
        std::string tls_key;
        std::string tls_client_ca; ///< empty: clients show no certificate
    } http;
};

/// A file of the configuration, as it is.
struct SourceFile {
    std::string path;
    std::string text;
};

/// All files that load_settings() and load_routes() read, in that order. Errors as theirs.
Result<std::vector<SourceFile>> configuration_files(const Directories& directories);

/// Reads, in this order, each over the one before: kheish.toml of the vendor directory, kheish.toml
/// of the local one, then the files kheish.toml.d/*.toml of both by name, where a local file
/// replaces the vendor's of the same name. No file at all gives the defaults. An unknown key, a
/// wrong type or a bad value is Errc::invalid_configuration with file and line: nothing falls back.
Result<Settings> load_settings(const Directories& directories);

} // namespace kheish::config
