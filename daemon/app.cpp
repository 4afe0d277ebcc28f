#include "app.hpp"

#include "base/log.hpp"
#include "control/permission_rules.hpp"
#include "http/bearer_tokens.hpp"
#include "journal/sqlite_journal.hpp"
#include "scopes/cgroup.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include <pwd.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "listen_sockets.hpp"

namespace kheish {

namespace {

config::Directories directories_of(const Options& options) {
    config::Directories directories;
    if (!options.configuration_directory.empty())
        directories = {options.configuration_directory, options.configuration_directory};
    return directories;
}

config::Environment read_environment() {
    config::Environment environment;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        const std::size_t equals = text.find('=');
        if (equals != std::string_view::npos)
            environment.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    return environment;
}

Status make_directory(const std::string& path) {
    if (::mkdir(path.c_str(), 0700) < 0 && errno != EEXIST)
        return fail_errno("making " + path, errno);
    return {};
}

/// JSON array of the files, as they are.
Result<std::string> text_of_configuration(const config::Directories& directories) {
    KHEISH_TRY(
        const std::vector<config::SourceFile> files, config::configuration_files(directories));
    codec::Json array = codec::Json::array();
    for (const config::SourceFile& file : files)
        array.append(codec::Json::object({{"path", file.path}, {"text", file.text}}));
    return codec::canonical_json(array);
}

/// No uid where there is no such user: its runs are then refused by the launcher.
uid_t agent_uid() {
    // Before the loop turns, so that a slow name service delays the start and nothing else.
    const passwd* entry = ::getpwnam(KHEISH_AGENT_USER);
    if (entry != nullptr)
        return entry->pw_uid;
    log(Level::warning,
        "there is no user " KHEISH_AGENT_USER ": runs for root and system users will be refused");
    return static_cast<uid_t>(-1);
}

/// A user's name, "user:1000" or "token:ci".
Result<Principal> find_principal(const std::string& text) {
    if (text.find(':') != std::string::npos) {
        Result<Principal> principal = Principal::parse(text);
        if (principal &&
            (principal->kind == Principal::Kind::user || principal->kind == Principal::Kind::token))
            return principal;
    } else if (const passwd* entry = ::getpwnam(text.c_str())) {
        return Principal::user(entry->pw_uid);
    }
    return fail(
        Errc::invalid_configuration,
        "\"" + text + "\" is no user of this host, nor \"user:<uid>\" or \"token:<name>\"");
}

Status set_patience(const config::Settings::Permissions& permissions, control::Settings& told) {
    told.approvals_expire_after = permissions.approvals_expire_after;
    told.approvals_remind_after = permissions.approvals_remind_after;
    told.approvals_escalate_after = permissions.approvals_escalate_after;
    for (const std::string& text : permissions.approvals_escalate_to) {
        Result<Principal> principal = find_principal(text);
        if (!principal)
            return fail(std::move(principal).error().wrap("permissions.approvals_escalate_to"));
        told.approvals_escalate_to.push_back(*std::move(principal));
    }
    return {};
}

} // namespace

Result<control::Settings> control_settings(const config::Settings& settings, uid_t agent) {
    control::Settings told;
    const std::optional<govern::Mode> mode = govern::parse_mode(settings.permissions.mode);
    if (!mode)
        return fail(
            Errc::invalid_configuration,
            "permissions.mode: \"" + settings.permissions.mode + "\" is no mode");
    told.permission_mode = *mode;
    for (const config::PermissionRule& configured : settings.permissions.rules) {
        Result<govern::Rule> rule = control::to_rule(configured, govern::RuleScope::user);
        if (!rule)
            return fail(std::move(rule).error().wrap("permissions.rules"));
        told.permission_rules.push_back(*std::move(rule));
    }
    told.max_turns = settings.runs.max_turns;
    told.max_output_tokens = settings.runs.max_output_tokens;
    told.context_limit_bytes = settings.runs.context_limit_bytes;
    told.queued_runs_per_session = static_cast<std::size_t>(settings.runs.queued_per_session);
    told.live_runs = static_cast<std::size_t>(settings.runs.live);
    told.stuck_after = settings.runs.stuck_after;
    KHEISH_CHECK(set_patience(settings.permissions, told));
    told.input_limit_bytes = static_cast<std::size_t>(settings.runs.input_limit_bytes);
    told.tool_timeout_max = settings.tools.timeout_max;
    told.tool_output_limit_bytes = settings.tools.output_limit_bytes;
    told.sandbox_profile = settings.sandbox.profile;
    told.limits.memory_max_bytes = settings.limits.memory_max_bytes;
    told.limits.tasks_max = settings.limits.tasks_max;
    told.limits.cpu_weight = settings.limits.cpu_weight;
    told.limits.cpu_quota_percent = settings.limits.cpu_quota_percent;
    told.limits.io_weight = settings.limits.io_weight;
    told.limits.runtime_max = settings.limits.runtime_max;
    told.limits.require = settings.limits.require;
    told.agent_uid = agent;
    told.workspaces_directory = settings.workspaces_directory;
    return told;
}

http::Limits http_limits(const config::Settings::Http& settings) {
    // One peer may hold a quarter of what there is.
    const auto share = [](std::int64_t total) {
        const auto amount = static_cast<std::size_t>(total);
        return http::Allowance{amount, std::max<std::size_t>(1, amount / 4)};
    };
    http::Limits limits;
    limits.connections = share(settings.connections);
    limits.streams = share(settings.subscribers);
    limits.heartbeat = settings.heartbeat;
    return limits;
}

http::BrowserGuard::Names browser_names(const config::Settings::Http& settings) {
    return {.hosts = settings.allowed_hosts, .origins = settings.allowed_origins};
}

/// Nothing where the socket beyond the host is to speak without TLS.
Result<std::shared_ptr<const http::TlsCredentials>> tls_of(const config::Settings::Http& settings) {
    if (settings.tls_certificate.empty())
        return nullptr;
    return http::TlsCredentials::load(
        {.certificate = settings.tls_certificate,
         .key = settings.tls_key,
         .client_ca = settings.tls_client_ca});
}

/// As Inhibit() of logind has it.
std::string inhibits_of(const config::Settings::Inhibit& settings) {
    std::string what;
    for (const auto& [wanted, name] : std::initializer_list<std::pair<bool, const char*>>{
             {settings.idle, "idle"},
             {settings.suspend, "sleep"},
             {settings.lid, "handle-lid-switch"}})
        if (wanted)
            what.append(what.empty() ? "" : ":").append(name);
    return what;
}

Status check_configuration(const Options& options) {
    const config::Directories directories = directories_of(options);
    KHEISH_TRY(const config::Settings settings, config::load_settings(directories));
    KHEISH_CHECK(config::load_routes(directories, read_environment()));
    KHEISH_CHECK(control_settings(settings, 0));
    KHEISH_CHECK(http::BrowserGuard::check(browser_names(settings.http)));
    KHEISH_CHECK(tls_of(settings.http));
    return {};
}

Result<std::unique_ptr<journal::Journal>>
App::open_sqlite(const std::string& path, const Clock& clock, Entropy& entropy) {
    journal::Options options;
    options.on_migration_progress = [] {
        (void)sd_notify(0, "EXTEND_TIMEOUT_USEC=30000000");
    };
    return journal::SqliteJournal::open(path, std::move(options), clock, entropy);
}

Result<std::unique_ptr<App>> App::open(const Options& options, OpenJournal open_journal) {
    auto app = std::make_unique<App>(Key());
    KHEISH_CHECK(app->read_configuration(options));
    KHEISH_CHECK(app->build_outside(open_journal));
    KHEISH_CHECK(app->build_control());
    KHEISH_CHECK(app->build_edges(options));
    return app;
}

App::~App() {
    if (control_)
        control_->set_work_listener({});
}

Status App::read_configuration(const Options& options) {
    const config::Directories directories = directories_of(options);
    environment_ = read_environment();
    KHEISH_TRY(settings_, config::load_settings(directories));
    KHEISH_TRY(route_settings_, config::load_routes(directories, environment_));
    KHEISH_TRY(configuration_, text_of_configuration(directories));
    KHEISH_CHECK(http::BrowserGuard::check(browser_names(settings_.http)));
    const auto state = environment_.find("STATE_DIRECTORY"); // systemd.exec(5)
    if (!options.state_directory.empty())
        settings_.state_directory = options.state_directory;
    else if (state != environment_.end())
        settings_.state_directory = state->second;
    return {};
}

Status App::build_outside(OpenJournal open_journal) {
    KHEISH_TRY(loop_, loop::Loop::open());
    KHEISH_TRY(timers_, loop::LoopTimers::open(*loop_));
    KHEISH_TRY(
        signals_, loop::SignalWatch::open(*loop_, {SIGTERM, SIGINT}, [this](int) { stop(); }));
    const std::string spools = settings_.state_directory + "/spool";
    KHEISH_CHECK(make_directory(settings_.state_directory));
    KHEISH_CHECK(make_directory(spools));
    KHEISH_TRY(journal_, open_journal(settings_.state_directory + "/journal.db", clock_, entropy_));
    external_actions_.set_journal(*journal_);
    http_client_ = std::make_unique<outbound::CurlHttpClient>(
        *loop_, *timers_, external_actions_, outbound::CurlHttpClient::Options{});
    web_ = std::make_unique<outbound::HttpWebFetch>(*http_client_, settings_.web.internal_hosts);
    given_ = std::make_unique<GivenCredentials>(environment_);
    secrets_ = std::make_unique<control::Secrets>(*journal_, clock_, entropy_, *given_);
    routes_ = std::make_unique<models::RouteTable>(
        route_settings_,
        environment_,
        models::RouteTable::Outside{*http_client_, *timers_, clock_, *secrets_});
    sandbox::JournalId journal_id{};
    const std::array<std::byte, 16> instance = journal_->instance_id();
    for (std::size_t i = 0; i < instance.size(); ++i)
        journal_id[i] = std::to_integer<std::uint8_t>(instance[i]);
    KHEISH_TRY(const std::string runs_cgroup, scopes::find_runs_cgroup());
    launcher_ = std::make_unique<scopes::LauncherClient>(
        *loop_, *timers_, settings_.runtime_directory + "/launcher.sock", journal_id);
    run_host_ = std::make_unique<scopes::ScopedRunHost>(
        *loop_,
        *timers_,
        *launcher_,
        scopes::ScopedRunHost::Places{
            .socket_directory = settings_.runtime_directory + "/runs",
            .runs_cgroup = runs_cgroup,
            .spool_directory = spools});
    return {};
}

Status App::build_control() {
    KHEISH_TRY(control::Settings told, control_settings(settings_, agent_uid()));
    control_ = std::make_unique<control::ControlPlane>(
        control::Outside{
            *journal_,
            clock_,
            *timers_,
            entropy_,
            *routes_,
            *run_host_,
            *secrets_,
            *web_,
            tools::all_tools()},
        std::move(told));
    commit_hook_ = loop_->add_hook(loop::Loop::Stage::commit, [this] {
        const bool had_work = journal_->has_pending();
        // A failure is in the journal's health and in every answer; the loop goes on.
        (void)journal_->commit();
        return had_work;
    });
    KHEISH_CHECK(control_->restore());
    control_->note_start(configuration_);
    return {};
}

Status App::build_edges(const Options& options) {
    http_ = std::make_unique<http::Server>(
        *loop_, *timers_, clock_, *control_, http_limits(settings_.http));
    KHEISH_TRY(ListenSockets sockets, take_listen_sockets());
    if (!options.listen.empty()) {
        KHEISH_TRY(Fd socket, bind_listen_socket(options.listen));
        sockets.emplace("http", std::move(socket));
    }
    for (auto& [name, socket] : sockets) {
        KHEISH_TRY(std::unique_ptr<http::Identity> identity, identity_of(name));
        KHEISH_CHECK(http_->listen(std::move(socket), std::move(identity)));
    }
    control_->tokens().set_withdrawal_listener(
        [this](const Principal& principal) { http_->withdraw(principal); });
    watch_routes();
    join_bus(options.bus);
    watchdog_ = std::make_unique<loop::Watchdog>(*timers_);
    return {};
}

/// How callers of the socket that the service manager calls `name` are known.
Result<std::unique_ptr<http::Identity>> App::identity_of(const std::string& name) {
    if (name == "http")
        return std::make_unique<http::PeerCredentials>();
    if (name != "http-tcp")
        return fail(
            Errc::invalid_configuration,
            "the service manager passed a socket named \"" + name +
                "\"; kheishd knows \"http\" and \"http-tcp\"");
    KHEISH_TRY(std::shared_ptr<const http::TlsCredentials> tls, tls_of(settings_.http));
    return std::make_unique<http::BearerTokens>(
        http::BrowserGuard(browser_names(settings_.http)),
        [this](std::string_view secret) { return control_->tokens().authenticate(secret); },
        http::Failures(
            clock_,
            [this](control::AuthenticationFailure failure) {
                control_->note_authentication_failure(std::move(failure));
            }),
        std::move(tls));
}

void App::watch_routes() {
    Result<std::unique_ptr<loop::RouteWatch>> watch =
        loop::RouteWatch::open(*loop_, *timers_, [this] { control_->on_network_changed(); });
    if (watch)
        route_watch_ = *std::move(watch);
    else // their timers wake them, later
        log(Level::warning,
            "runs that wait for the network will not hear of a new route",
            {{log_field::kError, watch.error().to_string()}});
}

void App::join_bus(Options::Bus bus) {
    if (bus == Options::Bus::none) {
        loop_->post([this] { on_bus({}); });
        return;
    }
    bus_ = std::make_unique<bus::Endpoint>(
        bus == Options::Bus::system ? bus::Endpoint::Kind::system : bus::Endpoint::Kind::session,
        *loop_,
        *timers_,
        *control_,
        bus == Options::Bus::system
            ? bus::Endpoint::
                  HostSide{control_.get(), inhibits_of(settings_.inhibit), settings_.permissions.desktop_prompts}
            : bus::Endpoint::HostSide{},
        Responder<void>([this](const Status& joined) { on_bus(joined); }));
    control_->set_work_listener([this](bool works) { bus_->set_working(works); });
}

void App::on_bus(const Status& joined) {
    if (!joined) {
        log(Level::error,
            "kheishd cannot run without its place on the message bus",
            {{log_field::kError, joined.error().to_string()}});
        // Not at once: the loop may not run yet.
        loop_->post([this] { loop_->exit(EXIT_FAILURE); });
        return;
    }
    (void)sd_notify(0, "READY=1");
    log(Level::notice, "kheishd is ready", {{"KHEISH_VERSION", KHEISH_VERSION}});
}

int App::run() {
    return loop_->run();
}

void App::stop() {
    if (std::exchange(stopping_, true))
        return;
    (void)sd_notify(0, "STOPPING=1");
    log(Level::notice, "kheishd stops; runs go on");
    control_->drain();
    http_->drain(kDrainGrace, [this] { loop_->exit(EXIT_SUCCESS); });
}

} // namespace kheish
