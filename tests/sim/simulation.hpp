#pragma once

#include "control/control_plane.hpp"
#include "machine.hpp"
#include "machine_time.hpp"
#include "people.hpp"
#include "sim_host.hpp"
#include "sim_journal.hpp"
#include "sim_model.hpp"
#include "sim_web.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace kheish::sim {

/// Planted in the daemon, for the test of the tests.
enum class Fault {
    none,
    act_before_writing, ///< a call is executed before its start is committed
    lost_commit,        ///< a commit is not synced: a power cut loses it
};

struct Options {
    std::string directory;     ///< for the database; must exist
    std::string template_file; ///< an empty journal to begin with
    Fault planted = Fault::none;
    bool trace = false;
};

struct Verdict {
    std::vector<std::string> violations;
    std::int64_t step = 0; ///< at which the first was found, or the last one
    std::int64_t events = 0;
    std::int64_t crashes = 0;
    std::string unsettled;
    std::string record; ///< digest of all that was committed: the same whenever the seed is played
};

class NothingGiven final : public control::Secrets::Given {
  public:
    Result<Secret> read(const std::string& name) const override {
        return fail(Errc::not_found, "there is no credential " + name);
    }
};

/// All that dies with the daemon's process.
struct Daemon {
    Life life = std::make_shared<int>(0);
    std::unique_ptr<SimTimers> timers;
    std::unique_ptr<SimJournal> journal;
    std::unique_ptr<SimModel> model;
    std::unique_ptr<SimRoutes> routes;
    std::unique_ptr<SimWeb> web;
    std::unique_ptr<SimHost> host;
    std::unique_ptr<control::Secrets> secrets;
    std::unique_ptr<control::ControlPlane> plane;
};

/// One seed's world: a stretch of chaos (crashes, reboots, lost runners, a bad provider, a full
/// disk, meddling people), then calm, in which everything has to come to its end.
class Simulation {
  public:
    Simulation(std::uint64_t seed, Options options);
    Simulation(const Simulation&) = delete;
    Simulation& operator=(const Simulation&) = delete;
    ~Simulation();

    Verdict run();

  private:
    void draw_faults();
    void begin_calm();
    void boot();
    void crash();
    void turn();
    void set_clock();
    void disturb_host();
    void commit(bool dies);
    void power_cut();
    std::string journal_file() const { return options_.directory + "/journal.db"; }
    bool is_at_rest() const;
    void trace(const std::string& text) const;

    Options options_;
    Random random_;
    Violations violations_;
    const NothingGiven nothing_given_;
    control::Settings settings_;
    Agenda agenda_;
    SimClock clock_{agenda_};
    SimEntropy entropy_;
    Oracle oracle_{violations_, settings_, clock_};
    Machine machine_;
    People people_;
    ModelFaults model_faults_;
    std::int64_t crash_rate_ = 0;         ///< per turn, in thousandths
    std::int64_t failed_commit_rate_ = 0; ///< the same
    std::int64_t clock_rate_ = 0;         ///< how often the clock is set, the same
    std::int64_t host_rate_ = 0; ///< how often the network changes or the machine sleeps, the same
    std::int64_t chaos_turns_ = 0;
    bool is_calm_ = false;
    std::int64_t step_ = 0;
    std::int64_t crashes_ = 0;
    std::optional<Daemon> daemon_;
};

} // namespace kheish::sim
