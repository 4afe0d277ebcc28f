#pragma once

#include "control/event_hub.hpp"
#include "control/service.hpp"
#include "control/supervisor.hpp"
#include "control/views.hpp"

#include <optional>
#include <string>

namespace kheish::control {

/// Whether the principal may decide about the gate because it was escalated to it.
bool is_escalated_to(const journal::ApprovalRow& row, const Principal& principal);

/// The reading half of the use cases: committed rows as views, for whoever may see them.
class Reader {
  public:
    Reader(const journal::Journal& journal, Supervisor& supervisor)
        : journal_(journal), supervisor_(supervisor) {}

    // Without a caller: what the daemon itself shows to those who have been let in.
    Result<codec::Json> run(RunId run) const;
    codec::Json run_of(const journal::RunRow& row) const;
    /// With `explanation`.
    codec::Json explained_run_of(const journal::RunRow& row) const;
    Result<codec::Json> session(const SessionId& session) const;
    Result<codec::Json> output_of(const engine::Event& event) const;
    codec::Json session_state(const SessionId& session) const;

    /// Errc::forbidden unless `caller` owns it or acts for others; the row otherwise.
    Result<journal::SessionRow> session_for(const Caller& caller, const SessionId& session) const;
    Result<journal::RunRow> run_for(const Caller& caller, RunId run) const;
    Result<journal::ApprovalRow>
    approval_for(const Caller& caller, const ApprovalId& approval) const;
    static Status check_owner(const Caller& caller, const std::string& owner);

    Result<codec::Json> sessions(const Caller& caller, const ListSessions& request) const;
    Result<codec::Json> session_events(const SessionId& session) const;
    Result<codec::Json> runs(const Caller& caller, const ListRuns& request) const;
    Result<codec::Json> run_events(RunId run) const;
    Result<codec::Json>
    approvals(const Caller& caller, const std::optional<SessionId>& session) const;
    Result<codec::Json> approval(const journal::ApprovalRow& row) const;
    /// Errc::approval_not_found for a question too.
    Result<journal::ApprovalRow> approval_row(const ApprovalId& approval) const;
    /// Errc::question_not_found for what is no question.
    Result<journal::ApprovalRow> question(const QuestionId& question) const;
    Result<codec::Json>
    questions(const Caller& caller, const std::optional<SessionId>& session) const;
    /// A question with the ids around it, as lists have it.
    Result<codec::Json> pending_question(const journal::ApprovalRow& row) const;
    Result<SessionSummary> session_summary(const SessionId& session) const;

    static constexpr std::size_t kListedEvents = 10'000; ///< of one run or session, the first ones
    static constexpr std::size_t kListedOutputs = 100;

  private:
    Result<std::string> content_of(const codec::BlobRef& ref) const;
    Result<RunDetails> details_of(const journal::RunRow& row) const;
    Result<journal::Page<journal::ApprovalRow>>
    pending(const Caller& caller, const std::optional<SessionId>& session, bool questions) const;
    std::optional<std::int64_t> queue_position(const journal::RunRow& row) const;
    Result<codec::Json> events(const journal::EventFilter& filter) const;
    std::optional<journal::RunRow> active_run(const SessionId& session) const;

    const journal::Journal& journal_;
    Supervisor& supervisor_;
};

} // namespace kheish::control
