// The simulator: the real engine, control plane and journal in a world made of one seed.
//
//   kheish-sim [--first N] [--seeds COUNT]   plays COUNT seeds from N on; 1 where one fails
//   kheish-sim --seed N [--trace]            replays one
//   kheish-sim --twice ...                   plays each twice: the same record, byte for byte
//   kheish-sim --planted FAULT ...           with a fault in the daemon: 1 if no seed finds it
//
// On a terminal, or with --progress, it says every second how far it is.

#include "base/log.hpp"
#include "simulation.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>

#include <CLI/CLI.hpp>
#include <unistd.h>

namespace kheish::sim {

namespace {

const std::map<std::string, Fault> kFaults = {
    {"act-before-writing", Fault::act_before_writing},
    {"lost-commit", Fault::lost_commit},
};

struct Arguments {
    std::uint64_t first = 1;
    std::uint64_t seeds = 1000;
    Fault planted = Fault::none;
    bool twice = false;
    bool trace = false;
    bool progress = false;
};

/// What was played so far.
struct Totals {
    std::uint64_t seeds = 0;
    std::int64_t steps = 0;
    std::int64_t events = 0;
    std::int64_t crashes = 0;
};

/// Says at most once a second how far it is.
class Progress {
  public:
    Progress(bool wanted, std::uint64_t seeds) : wanted_(wanted), seeds_(seeds) {}

    void show(const Totals& totals) {
        const SteadyClock::time_point now = SteadyClock::now();
        if (!wanted_ || now - shown_ < std::chrono::seconds(1))
            return;
        shown_ = now;
        std::fprintf(
            stderr,
            "%llu of %llu seeds, %.0f steps/s\n",
            static_cast<unsigned long long>(totals.seeds),
            static_cast<unsigned long long>(seeds_),
            rate(totals));
    }
    double rate(const Totals& totals) const {
        const std::chrono::duration<double> elapsed = SteadyClock::now() - begun_;
        return static_cast<double>(totals.steps) / elapsed.count();
    }

  private:
    using SteadyClock = std::chrono::steady_clock;
    bool wanted_;
    std::uint64_t seeds_;
    SteadyClock::time_point begun_ = SteadyClock::now();
    SteadyClock::time_point shown_ = begun_;
};

/// An empty journal, so that not every seed has to make one.
Status make_template(const std::string& file) {
    const Agenda agenda;
    const SimClock clock(agenda);
    SimEntropy entropy{Random(0)};
    KHEISH_CHECK(journal::SqliteJournal::open(
        file,
        journal::Options{
            .durability = journal::Durability::off, .vfs = {}, .on_migration_progress = {}},
        clock,
        entropy));
    return {};
}

void report(std::uint64_t seed, const Verdict& verdict) {
    std::printf(
        "seed %llu fails at step %lld\n",
        static_cast<unsigned long long>(seed),
        static_cast<long long>(verdict.step));
    for (const std::string& violation : verdict.violations)
        std::printf("  %s\n", violation.c_str());
    std::printf("%s", verdict.unsettled.c_str());
    std::printf("replay: kheish-sim --seed %llu --trace\n", static_cast<unsigned long long>(seed));
}

Verdict play_seed(std::uint64_t seed, const Options& options, bool twice) {
    Verdict verdict = Simulation(seed, options).run();
    if (!twice || !verdict.violations.empty())
        return verdict;
    const Verdict again = Simulation(seed, options).run();
    if (again.record != verdict.record || again.step != verdict.step)
        verdict.violations.push_back(
            "played again it is another: " + verdict.record + " in " +
            std::to_string(verdict.step) + " steps, " + again.record + " in " +
            std::to_string(again.step));
    return verdict;
}

int play(const Arguments& arguments, const std::string& directory) {
    const std::string template_file = directory + "/template.db";
    if (const Status made = make_template(template_file); !made) {
        std::printf("%s\n", made.error().to_string().c_str());
        return 2;
    }
    const Options options{directory, template_file, arguments.planted, arguments.trace};
    Totals totals;
    Progress progress(arguments.progress, arguments.seeds);
    for (; totals.seeds < arguments.seeds; ++totals.seeds) {
        progress.show(totals);
        const std::uint64_t seed = arguments.first + totals.seeds;
        const Verdict verdict = play_seed(seed, options, arguments.twice);
        totals.steps += verdict.step;
        totals.events += verdict.events;
        totals.crashes += verdict.crashes;
        if (verdict.violations.empty())
            continue;
        report(seed, verdict);
        return arguments.planted == Fault::none ? 1 : 0;
    }
    std::printf(
        "%llu seeds, %lld steps (%.0f in a second), %lld events, %lld crashes: every promise "
        "kept\n",
        static_cast<unsigned long long>(totals.seeds),
        static_cast<long long>(totals.steps),
        progress.rate(totals),
        static_cast<long long>(totals.events),
        static_cast<long long>(totals.crashes));
    return arguments.planted == Fault::none ? 0 : 1;
}

} // namespace

} // namespace kheish::sim

int main(int argc, char** argv) {
    kheish::sim::Arguments arguments;
    CLI::App app("plays the daemon in simulated worlds", "kheish-sim");
    auto* first = app.add_option("--first", arguments.first, "the first seed");
    app.add_option("--seeds", arguments.seeds, "how many");
    app.add_option("--seed", arguments.first, "this one alone")->excludes(first);
    app.add_option("--planted", arguments.planted, "the fault that is to be found")
        ->transform(CLI::CheckedTransformer(kheish::sim::kFaults));
    app.add_flag("--twice", arguments.twice, "each seed twice, with the same record");
    app.add_flag("--trace", arguments.trace, "say what happens");
    app.add_flag("--progress", arguments.progress, "say how far it is");
    CLI11_PARSE(app, argc, argv);
    if (app.count("--seed") > 0)
        arguments.seeds = 1;
    arguments.progress = arguments.progress || ::isatty(STDERR_FILENO) == 1;
    if (!arguments.trace)
        kheish::set_log_level(kheish::Level::critical);
    std::string directory = (std::filesystem::temp_directory_path() / "kheish-sim-XXXXXX").string();
    if (::mkdtemp(directory.data()) == nullptr) {
        std::perror("mkdtemp");
        return 2;
    }
    const int status = kheish::sim::play(arguments, directory);
    std::filesystem::remove_all(directory);
    return status;
}
