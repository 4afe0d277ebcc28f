#pragma once

#include "journal/sqlite_journal.hpp"
#include "violations.hpp"

#include <deque>
#include <memory>
#include <optional>

namespace kheish::sim {

/// The real journal, with a commit that can fail and a daemon that can die in the middle of it.
class SimJournal final : public journal::Journal {
  public:
    explicit SimJournal(std::unique_ptr<journal::SqliteJournal> inner) : inner_(std::move(inner)) {}

    /// The next commit() is the last: this many writers hear of it, the others never do.
    void die_after(std::size_t answers) { die_after_ = answers; }
    /// The next commit() fails as a whole.
    void fail_next() { fails_next_ = true; }
    /// Called when something has become durable, before anybody hears of it.
    void on_durable(UniqueFunction<void()> hook) { on_durable_ = std::move(hook); }
    /// A fault of the daemon, for the test of the tests: what follows the start of a call happens
    /// before the start is written.
    void act_before_writing() { acts_first_ = true; }
    bool is_dead() const { return dead_; }
    /// Whoever still waits is answered, so that nobody is left when the process is gone.
    void bury();
    const journal::Journal& durable() const { return *inner_; }

    void submit(journal::Write write, Responder<journal::Committed> done) override;
    bool has_pending() const override { return !queue_.empty(); }
    Status commit() override;

    journal::Health health() const override { return inner_->health(); }
    journal::Stats stats() const override { return inner_->stats(); }
    std::array<std::byte, 16> instance_id() const override { return inner_->instance_id(); }
    std::int64_t next_run_number() override { return inner_->next_run_number(); }
    std::int64_t next_session_number() override { return inner_->next_session_number(); }
    EventSeq newest_seq() const override { return inner_->newest_seq(); }
    Result<journal::Page<journal::StoredEvent>>
    events(EventSeq after, const journal::EventFilter& filter, std::size_t limit) const override {
        return inner_->events(after, filter, limit);
    }
    Result<std::string> blob(const codec::Digest& digest) const override {
        return inner_->blob(digest);
    }
    Result<journal::SessionRow> session(const SessionId& session) const override {
        return inner_->session(session);
    }
    Result<journal::RunRow> run(RunId run) const override { return inner_->run(run); }
    Result<journal::ToolCallRow> tool_call(RunId run, const CallId& call) const override {
        return inner_->tool_call(run, call);
    }
    Result<journal::ApprovalRow> approval(const ApprovalId& approval) const override {
        return inner_->approval(approval);
    }
    Result<journal::TokenRow> token(const std::string& name) const override {
        return inner_->token(name);
    }
    Result<journal::GrantRow> grant(const std::string& grant) const override {
        return inner_->grant(grant);
    }
    Result<journal::SecretRow> secret(const std::string& name) const override {
        return inner_->secret(name);
    }
    Result<std::optional<journal::IdempotencyReceipt>>
    receipt(const std::string& scope, const codec::Digest& key_digest) const override {
        return inner_->receipt(scope, key_digest);
    }
    Result<journal::Page<journal::SessionRow>> sessions(
        const journal::SessionFilter& filter, const journal::PageRequest& page) const override {
        return inner_->sessions(filter, page);
    }
    Result<journal::Page<journal::RunRow>>
    runs(const journal::RunFilter& filter, const journal::PageRequest& page) const override {
        return inner_->runs(filter, page);
    }
    Result<journal::Page<journal::ToolCallRow>>
    tool_calls(RunId run, const journal::PageRequest& page) const override {
        return inner_->tool_calls(run, page);
    }
    Result<journal::Page<journal::ApprovalRow>> approvals(
        const journal::ApprovalFilter& filter, const journal::PageRequest& page) const override {
        return inner_->approvals(filter, page);
    }
    Result<journal::Page<journal::OutputRow>>
    outputs(RunId run, const journal::PageRequest& page) const override {
        return inner_->outputs(run, page);
    }
    Result<journal::Page<journal::TokenRow>>
    tokens(const journal::PageRequest& page) const override {
        return inner_->tokens(page);
    }
    Result<journal::Page<journal::GrantRow>>
    live_grants(const journal::PageRequest& page) const override {
        return inner_->live_grants(page);
    }
    Result<std::int64_t> count_grants() const override { return inner_->count_grants(); }
    Result<journal::Page<journal::SubjectRow>>
    subjects(const journal::PageRequest& page) const override {
        return inner_->subjects(page);
    }
    Result<journal::Page<journal::SecretRow>>
    secrets(const journal::PageRequest& page) const override {
        return inner_->secrets(page);
    }
    Result<std::int64_t> count_sessions(const journal::SessionFilter& filter) const override {
        return inner_->count_sessions(filter);
    }
    Result<std::int64_t> count_runs(const journal::RunFilter& filter) const override {
        return inner_->count_runs(filter);
    }
    Result<std::int64_t> count_approvals(const journal::ApprovalFilter& filter) const override {
        return inner_->count_approvals(filter);
    }
    Result<journal::LivePage>
    live_runs(const journal::LiveCursor& after, std::size_t limit) const override {
        return inner_->live_runs(after, limit);
    }
    Result<std::vector<journal::StatusCount>>
    run_counts(const std::optional<SessionId>& session) const override {
        return inner_->run_counts(session);
    }

  private:
    struct Pending {
        journal::Write write;
        Responder<journal::Committed> done;
        std::optional<Result<journal::Committed>> outcome;
    };

    void answer(std::deque<Pending>& batch);
    void answer_starts_early(std::deque<Pending>& batch);

    std::unique_ptr<journal::SqliteJournal> inner_;
    std::deque<Pending> queue_;
    UniqueFunction<void()> on_durable_;
    std::optional<std::size_t> die_after_;
    bool fails_next_ = false;
    bool acts_first_ = false;
    bool dead_ = false;
};

} // namespace kheish::sim
