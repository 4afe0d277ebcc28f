// The journal after a power cut at any write: everything that reaches the disk is recorded, and
// every prefix of the record is a disk to start from, with what was not synced dropped, kept, torn
// or reordered.
//
//   kheish-power-cut [--every N] [--seed N]   tries every Nth prefix; 1 where something is lost
//   kheish-power-cut --planted drop-sync      with a journal that does not sync: 1 if that is not
//   found
//   kheish-power-cut --write DIR               commits to DIR/journal.db until that fails, and says
//   after each commit how many events are acknowledged: for a disk whose power really goes

#include "base/entropy.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "control/conversions.hpp"
#include "control/session_projection.hpp"
#include "disk.hpp"
#include "support.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include <CLI/CLI.hpp>

namespace kheish::power_cut {

namespace {

using journal::SqliteJournal;

/// At that many operations the journal had acknowledged the events up to `newest`.
struct Acknowledged {
    std::size_t operations = 0;
    EventSeq newest = 0;
};

/// What a journal has been through.
struct History {
    std::vector<Operation> operations;
    std::vector<Acknowledged> acknowledged;   ///< in order
    std::vector<journal::StoredEvent> events; ///< all that there were
    std::vector<EventSeq> ends;               ///< of writes: each is there as a whole or not at all
};

struct Totals {
    std::int64_t prefixes = 0;
    std::int64_t disks = 0;
    std::int64_t refused = 0;
};

std::string some_text(sim::Random& random) {
    std::string text(static_cast<std::size_t>(random.between(1, 60'000)), ' ');
    for (char& byte : text)
        byte = static_cast<char>('a' + random.below(26));
    return text;
}

journal::Write next_write(std::int64_t number, sim::Random& random) {
    journal::Write write = journal::run_write(number, "demo");
    const std::string text = some_text(random);
    write.events.back().blob_refs.push_back(codec::blob_ref(text));
    write.blobs.push_back(text);
    for (std::int64_t i = random.below(4); i > 0; --i)
        write.events.push_back(journal::make_event("demo", number));
    return write;
}

/// Group commits of one to three writes, in three lives: at the end of each the log is copied back
/// into the database.
History live(sim::Random& random) {
    constexpr int kCommits = 60;
    constexpr int kLives = 3;
    journal::FaultVfs& vfs = journal::FaultVfs::instance();
    vfs.reset();
    vfs.remembers = false;
    Recorder recorder;
    vfs.observer = &recorder;
    History history;
    journal::JournalFile file(journal::FaultVfs::kName);
    const auto acknowledge = [&] {
        history.acknowledged.push_back({recorder.operations.size(), file->newest_seq()});
    };
    KHEISH_ASSERT(file.write(journal::session_write("demo")).has_value());
    history.ends.push_back(file->newest_seq());
    acknowledge();
    std::int64_t number = 0;
    for (int commit = 1; commit <= kCommits; ++commit) {
        std::vector<journal::Answer> answers;
        for (std::int64_t i = random.between(1, 3); i > 0; --i)
            answers.push_back(file.submit(next_write(++number, random)));
        KHEISH_ASSERT(file->commit().has_value());
        for (const journal::Answer& answer : answers)
            history.ends.push_back((*answer)->last);
        acknowledge();
        if (commit % (kCommits / kLives) == 0)
            KHEISH_ASSERT(file.reopen().has_value());
    }
    history.events = file->events(0, {}, journal::kPageLimit)->items;
    KHEISH_ASSERT(history.events.size() == static_cast<std::size_t>(file->newest_seq()));
    vfs.observer = nullptr;
    file.close();
    vfs.reset();
    history.operations = std::move(recorder.operations);
    return history;
}

EventSeq acknowledged_at(const History& history, std::size_t operations) {
    EventSeq newest = 0;
    for (const Acknowledged& point : history.acknowledged)
        if (point.operations <= operations)
            newest = point.newest;
    return newest;
}

/// What is wrong with a journal that has come back; empty where nothing is.
std::string judge(const SqliteJournal& found, const History& history, EventSeq acknowledged) {
    const EventSeq newest = found.newest_seq();
    if (newest < acknowledged)
        return "it ends at event " + std::to_string(newest) + ", and " +
               std::to_string(acknowledged) + " was acknowledged";
    if (newest > 0 &&
        std::find(history.ends.begin(), history.ends.end(), newest) == history.ends.end())
        return "a write is there in part: it ends at event " + std::to_string(newest);
    const Result<journal::Page<journal::StoredEvent>> page =
        found.events(0, {}, journal::kPageLimit);
    if (!page)
        return page.error().to_string();
    if (!std::equal(page->items.begin(), page->items.end(), history.events.begin()) ||
        std::ssize(page->items) != newest)
        return "its events are not those that were written";
    for (const journal::StoredEvent& event : page->items) {
        for (const codec::BlobRef& ref : event.event.blob_refs)
            if (const Result<std::string> blob = found.blob(ref.digest); !blob)
                return "event " + std::to_string(event.seq) + ": " + blob.error().to_string();
        if (event.event.run && !found.run(*event.event.run))
            return event.event.run->to_string() + " has events and no row";
    }
    return {};
}

void write_files(const std::string& directory, const std::map<std::string, std::string>& contents) {
    for (const auto& entry : std::filesystem::directory_iterator(directory))
        std::filesystem::remove(entry);
    for (const auto& [name, content] : contents)
        std::ofstream(directory + "/" + name, std::ios::binary) << content;
}

/// Opens what the cut has left, and writes on.
std::string restart(
    const std::string& directory, const History& history, EventSeq acknowledged, Totals& totals) {
    const journal::FakeClock clock;
    journal::CountingEntropy entropy;
    Result<std::unique_ptr<SqliteJournal>> found = SqliteJournal::open(
        directory + "/journal.db",
        {.durability = journal::Durability::off, .vfs = {}, .on_migration_progress = {}},
        clock,
        entropy);
    if (!found && acknowledged == 0) {
        // Nobody has been promised anything: saying why is enough.
        ++totals.refused;
        return found.error().message.empty() ? "it does not start and does not say why" : "";
    }
    if (!found)
        return "it does not start: " + found.error().to_string();
    if (std::string wrong = judge(**found, history, acknowledged); !wrong.empty())
        return wrong;
    const journal::Answer answer;
    (*found)->submit(journal::session_write("after"), answer.responder());
    const Status committed = (*found)->commit();
    return committed ? "" : "nothing can be written any more: " + committed.error().to_string();
}

int play(std::size_t every, std::uint64_t seed, bool syncs) {
    sim::Random random(seed);
    const History history = live(random);
    const journal::TemporaryDirectory directory;
    Disk disk(syncs);
    Totals totals;
    for (std::size_t cut_at = 0; cut_at <= history.operations.size(); ++cut_at) {
        if (cut_at > 0)
            disk.apply(history.operations[cut_at - 1]);
        if (cut_at % every != seed % every)
            continue;
        ++totals.prefixes;
        for (const Cut cut : kCuts) {
            ++totals.disks;
            write_files(directory.path(), disk.after(cut, random));
            const EventSeq acknowledged = acknowledged_at(history, cut_at);
            const std::string wrong = restart(directory.path(), history, acknowledged, totals);
            if (wrong.empty())
                continue;
            std::printf(
                "cut after operation %zu of %zu, what was not synced is %s: %s\n",
                cut_at,
                history.operations.size(),
                std::string(to_string(cut)).c_str(),
                wrong.c_str());
            return syncs ? 1 : 0;
        }
    }
    std::printf(
        "%lld of %zu prefixes, %lld disks, %lld of them refused before anything was acknowledged: "
        "nothing lost\n",
        static_cast<long long>(totals.prefixes),
        history.operations.size() + 1,
        static_cast<long long>(totals.disks),
        static_cast<long long>(totals.refused));
    return syncs ? 0 : 1;
}

/// A session, as kheishd writes it.
journal::Write next_session(std::int64_t number, std::int64_t now_us) {
    const Principal owner = Principal::user(1000);
    engine::Event created;
    created.session = {"session-" + std::to_string(number)};
    created.agent = {"agent-" + created.session.value};
    created.at_us = now_us;
    created.authority = Authority::of(owner);
    created.body = engine::SessionCreated{
        .owner = owner, .run_as = 1000, .workspace = "/home/alice", .thread_id = {}};
    journal::Write write;
    write.events.push_back(control::to_new_event(created));
    write.rows.emplace_back(*control::begin_session_row(created));
    return write;
}

int write_to(const std::string& directory) {
    const SystemClock clock;
    SystemEntropy entropy;
    Result<std::unique_ptr<SqliteJournal>> journal =
        SqliteJournal::open(directory + "/journal.db", {}, clock, entropy);
    if (!journal) {
        std::fprintf(stderr, "%s\n", journal.error().to_string().c_str());
        return 2;
    }
    for (std::int64_t number = (*journal)->newest_seq() + 1;; ++number) {
        const journal::Answer answer;
        (*journal)->submit(next_session(number, clock.now().wall_us), answer.responder());
        if (const Status committed = (*journal)->commit(); !committed)
            return 1;
        std::printf("%lld\n", static_cast<long long>((*journal)->newest_seq()));
        (void)std::fflush(stdout); // a reader that has gone is found out by the disk going too
    }
}

} // namespace

} // namespace kheish::power_cut

int main(int argc, char** argv) {
    std::size_t every = 1;
    std::uint64_t seed = 1;
    std::string planted;
    std::string directory;
    CLI::App app("the journal after power cuts", "kheish-power-cut");
    app.add_option("--every", every, "try every Nth prefix")->check(CLI::PositiveNumber);
    app.add_option("--seed", seed, "of what is written, cut and tried");
    app.add_option("--planted", planted, "the fault that is to be found")
        ->check(CLI::IsMember({"drop-sync"}));
    app.add_option("--write", directory, "commit to a journal there until that fails");
    CLI11_PARSE(app, argc, argv);
    kheish::set_log_level(kheish::Level::critical);
    if (!directory.empty())
        return kheish::power_cut::write_to(directory);
    return kheish::power_cut::play(every, seed, planted.empty());
}
