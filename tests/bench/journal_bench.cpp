#include "fault_vfs.hpp"
#include "support.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <chrono>

#include <fcntl.h>
#include <unistd.h>

/// Set TMPDIR to a directory on the disk to be measured.
namespace kheish::journal {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kSlice = 32; ///< operations of one kind before it is the other's turn
constexpr off_t kRawBytes = off_t{16} << 20;
constexpr std::size_t kPageBytes = 4096;

double seconds_since(SteadyClock::time_point start) {
    return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

Write one_event() {
    Write write;
    write.events.push_back(make_event("demo", 1));
    write.events.back().body.assign(200, 'x');
    return write;
}

/// The least that durability costs: one page into a file that has its blocks already.
class RawFile {
  public:
    explicit RawFile(const std::string& path)
        : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
        for (offset_ = 0; offset_ < kRawBytes; offset_ += off_t{kPageBytes})
            put();
        offset_ = 0;
        KHEISH_ASSERT(::fsync(fd_.get()) == 0);
    }
    void append() {
        put();
        KHEISH_ASSERT(::fdatasync(fd_.get()) == 0);
        offset_ = (offset_ + off_t{kPageBytes}) % kRawBytes;
    }

  private:
    void put() {
        KHEISH_ASSERT(
            ::pwrite(fd_.get(), page_.data(), kPageBytes, offset_) == ssize_t{kPageBytes});
    }

    Fd fd_;
    off_t offset_ = 0;
    std::array<char, kPageBytes> page_{};
};

/// One client that waits for each append. ratio = raw time / journal time; 1 is as fast.
void durable_append(benchmark::State& state) {
    JournalFile journal;
    RawFile raw(journal.directory.file("raw"));
    double raw_seconds = 0;
    double journal_seconds = 0;
    for ([[maybe_unused]] auto _ : state) {
        SteadyClock::time_point start = SteadyClock::now();
        for (int i = 0; i < kSlice; ++i)
            raw.append();
        raw_seconds += seconds_since(start);
        start = SteadyClock::now();
        for (int i = 0; i < kSlice; ++i)
            KHEISH_ASSERT(journal.write(one_event()).has_value());
        journal_seconds += seconds_since(start);
    }
    const double operations = static_cast<double>(state.iterations()) * kSlice;
    state.counters["raw_us"] = raw_seconds / operations * 1e6;
    state.counters["journal_us"] = journal_seconds / operations * 1e6;
    state.counters["ratio"] = raw_seconds / journal_seconds;
}

/// Submits again each time it has been answered.
struct Client {
    JournalFile& journal;
    void submit() {
        const auto on_answer = [this](Result<Committed> result) {
            if (result) // the journal's end fails what waits
                submit();
        };
        journal->submit(one_event(), Responder<Committed>(on_answer));
    }
};

void group_commit(benchmark::State& state) {
    FaultVfs& vfs = FaultVfs::instance();
    vfs.reset();
    vfs.remembers = false;
    JournalFile journal(FaultVfs::kName);
    std::vector<Client> clients(static_cast<std::size_t>(state.range(0)), Client{journal});
    for (Client& client : clients)
        client.submit();
    vfs.syncs = 0;
    const std::int64_t before = journal->stats().events;
    for ([[maybe_unused]] auto _ : state)
        KHEISH_ASSERT(journal->commit().has_value());
    const double records = static_cast<double>(journal->stats().events - before);
    state.counters["records_per_sync"] = records / vfs.syncs;
    state.counters["records_per_second"] = benchmark::Counter(records, benchmark::Counter::kIsRate);
}

/// Opening must not depend on how much has happened.
void open_journal(benchmark::State& state) {
    JournalFile journal;
    Write write;
    write.events.assign(1000, one_event().events[0]);
    for (std::int64_t events = 0; events < state.range(0); events += 1000)
        KHEISH_ASSERT(journal.write(write).has_value());
    for ([[maybe_unused]] auto _ : state) {
        KHEISH_ASSERT(journal.reopen().has_value());
        KHEISH_ASSERT(journal->live_runs({}, kPageLimit).has_value());
    }
}

BENCHMARK(durable_append)->Unit(benchmark::kMicrosecond)->MinTime(3);
BENCHMARK(group_commit)->Arg(1)->Arg(64)->Unit(benchmark::kMicrosecond)->MinTime(2);
BENCHMARK(open_journal)->Arg(1'000)->Arg(300'000)->Unit(benchmark::kMicrosecond);

} // namespace
} // namespace kheish::journal

BENCHMARK_MAIN();
