#pragma once

#include "base/clock.hpp"
#include "base/entropy.hpp"
#include "bus/endpoint.hpp"
#include "config/routes.hpp"
#include "config/settings.hpp"
#include "control/control_plane.hpp"
#include "external_action_log.hpp"
#include "http/server.hpp"
#include "journal/journal.hpp"
#include "loop/loop.hpp"
#include "loop/loop_timers.hpp"
#include "loop/route_watch.hpp"
#include "loop/signal_watch.hpp"
#include "loop/watchdog.hpp"
#include "models/route_table.hpp"
#include "options.hpp"
#include "outbound/curl_http_client.hpp"
#include "outbound/http_web_fetch.hpp"
#include "scopes/launcher_client.hpp"
#include "scopes/scoped_run_host.hpp"

#include "given_credentials.hpp"

#include <memory>

namespace kheish {

/// kheishd put together: the only place that sees everything. Members stand in the order in which
/// they are built, each on those above it.
class App {
    struct Key {}; ///< only open() makes one

  public:
    /// The journal in the file at `path`. Only a test has another one than SQLite's own.
    using OpenJournal = Result<std::unique_ptr<journal::Journal>> (*)(
        const std::string& path, const Clock& clock, Entropy& entropy);
    static Result<std::unique_ptr<journal::Journal>>
    open_sqlite(const std::string& path, const Clock& clock, Entropy& entropy);

    /// Opens the journal, takes over its runs and listens.
    static Result<std::unique_ptr<App>>
    open(const Options& options, OpenJournal open_journal = open_sqlite);
    explicit App(Key key) { (void)key; }
    ~App();
    App(const App&) = delete;
    App& operator=(const App&) = delete;

    /// Until SIGTERM or SIGINT; the exit status. The service manager hears that kheishd is ready
    /// when it has its bus name; where it cannot get on the bus at first, or somebody else has the
    /// name, that is the end.
    int run();

    static constexpr std::chrono::seconds kDrainGrace{5};

  private:
    Status read_configuration(const Options& options);
    Status build_outside(OpenJournal open_journal);
    Status build_control();
    Status build_edges(const Options& options);
    Result<std::unique_ptr<http::Identity>> identity_of(const std::string& name);
    void watch_routes();
    void join_bus(Options::Bus bus);
    void on_bus(const Status& joined);
    void stop();

    SystemClock clock_;
    SystemEntropy entropy_;
    config::Settings settings_;
    config::Routes route_settings_;
    std::string configuration_; ///< its files, as they are put on record
    config::Environment environment_;
    std::unique_ptr<loop::Loop> loop_;
    std::unique_ptr<loop::LoopTimers> timers_;
    std::unique_ptr<loop::SignalWatch> signals_;
    ExternalActionLog external_actions_;
    std::unique_ptr<journal::Journal> journal_;
    std::unique_ptr<GivenCredentials> given_;
    std::unique_ptr<control::Secrets> secrets_;
    std::unique_ptr<outbound::CurlHttpClient> http_client_;
    std::unique_ptr<outbound::HttpWebFetch> web_;
    std::unique_ptr<models::RouteTable> routes_;
    std::unique_ptr<scopes::LauncherClient> launcher_;
    std::unique_ptr<scopes::ScopedRunHost> run_host_;
    std::unique_ptr<control::ControlPlane> control_;
    std::unique_ptr<loop::Loop::Hook> commit_hook_;
    std::unique_ptr<loop::RouteWatch> route_watch_;
    std::unique_ptr<http::Server> http_;
    std::unique_ptr<bus::Endpoint> bus_;
    std::unique_ptr<loop::Watchdog> watchdog_;
    bool stopping_ = false;
};

/// Reads the whole configuration and says what is wrong with it.
Status check_configuration(const Options& options);

/// What the control plane is told of `settings`. `agent_uid` works for callers without a user.
Result<control::Settings> control_settings(const config::Settings& settings, uid_t agent_uid);

} // namespace kheish
