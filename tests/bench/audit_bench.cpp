#include "support.hpp"
#include "upkeep/audit_log.hpp"

#include "control/stored_record.hpp"
#include "govern/merkle.hpp"

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdlib>

#include <fcntl.h>

/// What it costs to keep a record that can be checked, and to check it. Set TMPDIR to a directory
/// on the disk to be measured.
namespace kheish::upkeep {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kSlice = 32; ///< appends of one kind before it is the other's turn
constexpr int kRecords = 20'000;
constexpr std::size_t kExportLimitBytes = std::size_t{64} << 20U;

double seconds_since(SteadyClock::time_point start) {
    return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

journal::Write one_event() {
    journal::Write write;
    write.events.push_back(journal::make_event("demo", 1));
    write.events.back().body.assign(200, 'x');
    return write;
}

/// A log whose tree grows with each append, signed after each slice: far more than happens, where
/// another program reads and signs once an hour. ratio = time without / time with; 1 is for
/// nothing.
void append_under_audit(benchmark::State& state) {
    journal::JournalFile plain;
    journal::JournalFile audited;
    const std::string origin = audit_origin(audited.journal());
    const govern::SigningKey key = *govern::SigningKey::generate(origin);
    govern::MerkleTree tree;
    EventSeq after = 0;
    double without = 0;
    double with = 0;
    for ([[maybe_unused]] auto _ : state) {
        SteadyClock::time_point start = SteadyClock::now();
        for (int i = 0; i < kSlice; ++i)
            KHEISH_ASSERT(plain.write(one_event()).has_value());
        without += seconds_since(start);
        start = SteadyClock::now();
        for (int i = 0; i < kSlice; ++i) {
            KHEISH_ASSERT(audited.write(one_event()).has_value());
            const auto page = audited->events(after, {}, journal::kPageLimit);
            KHEISH_ASSERT(page.has_value());
            for (const journal::StoredEvent& stored : page->items)
                tree.append(govern::leaf_hash(control::audit_record(stored)));
            after = page->next;
        }
        KHEISH_ASSERT(govern::sign_checkpoint({origin, tree.size(), tree.root()}, key).has_value());
        with += seconds_since(start);
    }
    const double appends = static_cast<double>(state.iterations()) * kSlice;
    state.counters["without_us"] = without / appends * 1e6;
    state.counters["with_us"] = with / appends * 1e6;
    state.counters["ratio"] = without / with;
}

/// ratio = time to verify an export / time of sha256sum(1) over it, which has to start first.
void verify_export(benchmark::State& state) {
    journal::JournalFile file;
    journal::Write write;
    write.events.assign(1000, one_event().events[0]);
    for (int i = 0; i < kRecords; i += 1000)
        KHEISH_ASSERT(file.write(write).has_value());
    const govern::SigningKey key = *govern::SigningKey::generate(audit_origin(file.journal()));
    govern::KeyEpochs epochs(audit_origin(file.journal()));
    KHEISH_ASSERT(epochs.begin(checkpoint_of(file.journal(), {}), key, nullptr).has_value());
    const std::string path = file.directory.file("export");
    const Fd written(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    KHEISH_ASSERT(export_audit(file.journal(), epochs, key, written.get()).has_value());
    const std::string text = *read_file(path, kExportLimitBytes);
    const std::string command = "sha256sum '" + path + "' > /dev/null";
    double hashed = 0;
    double verified = 0;
    for ([[maybe_unused]] auto _ : state) {
        SteadyClock::time_point start = SteadyClock::now();
        KHEISH_ASSERT(std::system(command.c_str()) == 0);
        hashed += seconds_since(start);
        start = SteadyClock::now();
        AuditVerifier verifier(key.verifying_key(), std::nullopt);
        verifier.update(text);
        const AuditVerdict verdict = verifier.finish();
        verified += seconds_since(start);
        KHEISH_ASSERT(verdict.finding.empty());
    }
    state.counters["records"] = kRecords;
    state.counters["bytes"] = static_cast<double>(text.size());
    state.counters["ratio"] = verified / hashed;
}

BENCHMARK(append_under_audit)->Unit(benchmark::kMicrosecond)->MinTime(3);
BENCHMARK(verify_export)->Unit(benchmark::kMillisecond)->MinTime(2);

} // namespace
} // namespace kheish::upkeep

BENCHMARK_MAIN();
