#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "codec/digest.hpp"

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace kheish::journal {

class Database;

/// Takes the content of old runs out of the journal at a path, beside the process that has it. Runs
/// that ended before a moment and hold no scope are old. Events stay, with the digests of what they
/// refer to; content that anything younger refers to, or comes to refer to meanwhile, stays too.
/// The room is used again by what is written later; the file does not get smaller.
class Pruning {
  public:
    /// Reads what is to go. Errors: as in opening a journal to read.
    static Result<Pruning> plan(const std::string& path, std::int64_t ended_before_us);
    Pruning(Pruning&&) noexcept;
    Pruning& operator=(Pruning&&) noexcept;
    ~Pruning();

    const std::vector<RunId>& runs() const { return runs_; }
    std::size_t left() const { return victims_.size(); }
    /// Takes some content out, in a short transaction of its own. Call until left() is 0. What was
    /// not reached is found again by the next plan.
    Status step();

    std::int64_t pruned_blobs() const { return pruned_blobs_; }
    std::int64_t pruned_bytes() const { return pruned_bytes_; }

  private:
    explicit Pruning(std::unique_ptr<Database> database);
    Status read_runs(std::int64_t ended_before_us);
    Status read_references(std::int64_t ended_before_us);
    Status follow_new_events();
    Status prune_some();
    Status prune(const codec::Digest& digest);

    std::unique_ptr<Database> database_;
    std::vector<RunId> runs_;
    std::set<codec::Digest> kept_;
    std::set<codec::Digest> victims_;
    EventSeq read_to_ = 0;
    std::int64_t pruned_blobs_ = 0;
    std::int64_t pruned_bytes_ = 0;
};

} // namespace kheish::journal
