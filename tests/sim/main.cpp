// The simulator: the real engine, control plane and journal in a world made of one seed.
//
//   kheish-sim [--first N] [--seeds COUNT]   plays COUNT seeds from N on; 1 where one fails
//   kheish-sim --seed N [--trace]            replays one
//   kheish-sim --planted [--seeds COUNT]     with a fault in the daemon: 1 where no seed finds it

#include "base/log.hpp"
#include "base/text.hpp"
#include "simulation.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <vector>

namespace kheish::sim {

namespace {

struct Arguments {
    std::uint64_t first = 1;
    std::uint64_t seeds = 1000;
    bool planted = false;
    bool trace = false;
    bool are_good = true;
};

Arguments parse(const std::vector<std::string_view>& words) {
    Arguments arguments;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i] == "--planted" || words[i] == "--trace") {
            (words[i] == "--planted" ? arguments.planted : arguments.trace) = true;
            continue;
        }
        const std::optional<std::uint64_t> number =
            i + 1 < words.size() ? parse_number<std::uint64_t>(words[i + 1]) : std::nullopt;
        arguments.are_good = arguments.are_good && number.has_value();
        if (words[i] == "--seed" || words[i] == "--first")
            arguments.first = number.value_or(1);
        else if (words[i] != "--seeds")
            arguments.are_good = false;
        if (words[i] != "--first")
            arguments.seeds = words[i] == "--seed" ? 1 : number.value_or(1);
        ++i;
    }
    return arguments;
}

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

int play(const Arguments& arguments, const std::string& directory) {
    const std::string template_file = directory + "/template.db";
    if (const Status made = make_template(template_file); !made) {
        std::printf("%s\n", made.error().to_string().c_str());
        return 2;
    }
    std::int64_t events = 0;
    std::int64_t crashes = 0;
    for (std::uint64_t seed = arguments.first; seed < arguments.first + arguments.seeds; ++seed) {
        Simulation simulation(seed, {directory, template_file, arguments.planted, arguments.trace});
        const Verdict verdict = simulation.run();
        events += verdict.events;
        crashes += verdict.crashes;
        if (verdict.violations.empty())
            continue;
        report(seed, verdict);
        return arguments.planted ? 0 : 1;
    }
    std::printf(
        "%llu seeds, %lld events, %lld crashes: every promise kept\n",
        static_cast<unsigned long long>(arguments.seeds),
        static_cast<long long>(events),
        static_cast<long long>(crashes));
    return arguments.planted ? 1 : 0;
}

} // namespace

} // namespace kheish::sim

int main(int argc, char** argv) {
    const kheish::sim::Arguments arguments =
        kheish::sim::parse(std::vector<std::string_view>(argv + 1, argv + argc));
    if (!arguments.are_good) {
        std::fputs(
            "usage: kheish-sim [--seed N | --first N --seeds COUNT] [--planted] [--trace]\n",
            stderr);
        return 2;
    }
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
