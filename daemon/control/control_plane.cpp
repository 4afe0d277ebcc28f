// The control plane's reads, and waits for runs; the rest is in the files beside it.

#include "control/control_plane.hpp"

#include "control/conversions.hpp"
#include "control/external_actions.hpp"

#include <utility>

#include <unistd.h>

namespace kheish::control {

using codec::Json;

namespace {

constexpr std::size_t kOwnerCacheLimit = 10'000;

} // namespace

ControlPlane::ControlPlane(Outside outside, Settings settings)
    : outside_(outside), settings_(std::move(settings)), grants_(outside_.journal, outside_.clock),
      leases_(outside_.journal, outside_.clock),
      supervisor_(outside_, settings_, grants_, leases_, *this),
      reader_(outside_.journal, supervisor_),
      hub_(
          outside_.journal,
          frame_views(),
          [this](const Caller& caller, const SessionId& session) {
              return may_see(caller, session);
          }),
      tokens_(outside_, [this](const std::vector<engine::Event>& events) { on_committed(events); }),
      started_at_us_(outside_.clock.now().wall_us) {}

ControlPlane::~ControlPlane() {
    outside_.secrets.set_announcer({});
    outside_.secrets.set_users({});
    outside_.secrets.set_change_listener({});
}

std::vector<std::string> ControlPlane::routes_that_need(const std::string& credential) const {
    std::vector<std::string> routes;
    for (const models::RouteView& route : outside_.routes.list())
        if (route.credential == credential)
            routes.push_back(route.route_id);
    return routes;
}

Status ControlPlane::restore() {
    grants_.set_announcer(
        [this](const std::vector<engine::Event>& events) { on_committed(events); });
    Secrets& secrets = outside_.secrets;
    secrets.set_announcer(
        [this](const std::vector<engine::Event>& events) { on_committed(events); });
    secrets.set_users([this](const std::string& name) { return routes_that_need(name); });
    secrets.set_change_listener([this](const std::string& name, bool gone) {
        supervisor_.on_credential_changed(name, gone);
    });
    leases_.set_announcer(
        [this](const std::vector<engine::Event>& events) { on_committed(events); });
    leases_.set_revocation_listener([this](RunId run, const std::string& why) {
        if (const std::shared_ptr<RunActor> actor = supervisor_.find(run))
            actor->on_lease_revoked(why);
    });
    leases_.set_restoration_listener([this] { supervisor_.on_subject_restored(); });
    KHEISH_CHECK(leases_.load());
    KHEISH_CHECK(tokens_.load());
    KHEISH_CHECK(grants_.load());
    return supervisor_.restore();
}

FrameViews ControlPlane::frame_views() const {
    FrameViews views;
    views.run = [this](RunId run) {
        return reader_.run(run).value_or(Json());
    };
    views.session_state = [this](const SessionId& session) {
        return reader_.session_state(session);
    };
    views.output = [this](const engine::Event& event) {
        return reader_.output_of(event).value_or(Json());
    };
    return views;
}

bool ControlPlane::may_see(const Caller& caller, const SessionId& session) const {
    if (caller.acts_for_others)
        return true;
    if (session.empty()) // what belongs to no session is for administrators
        return false;
    auto owner = owners_.find(session);
    if (owner == owners_.end()) {
        const Result<journal::SessionRow> row = outside_.journal.session(session);
        if (!row)
            return false;
        if (owners_.size() >= kOwnerCacheLimit)
            owners_.clear();
        owner = owners_.emplace(session, row->owner).first;
    }
    return owner->second == caller.principal.to_string();
}

// --- reads
// ----------------------------------------------------------------------------------------

Status ControlPlane::readiness() const {
    if (draining_)
        return fail(Errc::daemon_draining, "kheishd is shutting down");
    const journal::Health health = outside_.journal.health();
    if (!health.writable)
        return fail(health.error);
    return {};
}

Result<Principal> ControlPlane::session_owner(const SessionId& session) const {
    KHEISH_TRY(const journal::SessionRow row, outside_.journal.session(session));
    return Principal::parse(row.owner);
}

Result<Principal> ControlPlane::run_owner(RunId run) const {
    KHEISH_TRY(const journal::RunRow row, outside_.journal.run(run));
    return Principal::parse(row.owner);
}

Result<Principal> ControlPlane::approval_owner(const ApprovalId& approval) const {
    KHEISH_TRY(const journal::ApprovalRow row, reader_.approval_row(approval));
    return run_owner(row.run);
}

Result<Principal> ControlPlane::question_owner(const QuestionId& question) const {
    KHEISH_TRY(const journal::ApprovalRow row, reader_.question(question));
    return run_owner(row.run);
}

Result<Json> ControlPlane::session_view(const Caller& caller, const SessionId& session) const {
    KHEISH_CHECK(reader_.session_for(caller, session));
    return reader_.session(session);
}

Result<Json> ControlPlane::sessions_view(const Caller& caller, const ListSessions& request) const {
    return reader_.sessions(caller, request);
}

Result<Json>
ControlPlane::session_events_view(const Caller& caller, const SessionId& session) const {
    KHEISH_CHECK(reader_.session_for(caller, session));
    return reader_.session_events(session);
}

Result<Json> ControlPlane::run_view(const Caller& caller, RunId run) const {
    KHEISH_TRY(const journal::RunRow row, reader_.run_for(caller, run));
    return reader_.explained_run_of(row);
}

Result<Json> ControlPlane::runs_view(const Caller& caller, const ListRuns& request) const {
    return reader_.runs(caller, request);
}

Result<Json> ControlPlane::run_events_view(const Caller& caller, RunId run) const {
    KHEISH_CHECK(reader_.run_for(caller, run));
    return reader_.run_events(run);
}

Result<Json> ControlPlane::external_actions_view(const Caller& caller, RunId run) const {
    KHEISH_CHECK(reader_.run_for(caller, run));
    return control::external_actions_view(outside_.journal, run);
}

Result<Json>
ControlPlane::approvals_view(const Caller& caller, const std::optional<SessionId>& session) const {
    return reader_.approvals(caller, session);
}

Result<Json> ControlPlane::approval_view(const Caller& caller, const ApprovalId& approval) const {
    KHEISH_TRY(const journal::ApprovalRow row, reader_.approval_for(caller, approval));
    return reader_.approval(row);
}

Result<Json>
ControlPlane::questions_view(const Caller& caller, const std::optional<SessionId>& session) const {
    return reader_.questions(caller, session);
}

Result<Json> ControlPlane::question_view(const Caller& caller, const QuestionId& question) const {
    KHEISH_TRY(const journal::ApprovalRow row, reader_.question(question));
    KHEISH_CHECK(reader_.run_for(caller, row.run));
    return reader_.pending_question(row);
}

Result<SessionSummary> ControlPlane::session_summary(const SessionId& session) const {
    return reader_.session_summary(session);
}

Result<RunSummary> ControlPlane::run_summary(RunId run) const {
    KHEISH_TRY(const journal::RunRow row, outside_.journal.run(run));
    return control::run_summary(row);
}

Result<ApprovalSummary> ControlPlane::approval_summary(const ApprovalId& approval) const {
    KHEISH_TRY(const journal::ApprovalRow row, reader_.approval_row(approval));
    KHEISH_TRY(Principal owner, run_owner(row.run));
    return control::approval_summary(row, std::move(owner));
}

Result<QuestionSummary> ControlPlane::question_summary(const QuestionId& question) const {
    KHEISH_TRY(const journal::ApprovalRow row, reader_.question(question));
    KHEISH_TRY(Principal owner, run_owner(row.run));
    return control::question_summary(row, std::move(owner));
}

std::vector<SessionId> ControlPlane::live_sessions(std::size_t limit) const {
    std::vector<SessionId> sessions;
    const Result<journal::Page<journal::SessionRow>> page = outside_.journal.sessions(
        {.owner = {}, .ended = false},
        {.after = {},
         .limit = std::min(limit, journal::kPageLimit),
         .order = journal::Order::descending});
    if (page)
        for (const journal::SessionRow& row : page->items)
            sessions.push_back(row.session);
    return sessions;
}

std::vector<RunId> ControlPlane::live_runs(std::size_t limit) const {
    std::vector<RunId> runs;
    const Result<journal::LivePage> page =
        outside_.journal.live_runs({}, std::min(limit, journal::kPageLimit));
    if (page)
        for (const journal::RunRow& row : page->items)
            if (!row.finished_us)
                runs.push_back(row.run);
    return runs;
}

std::vector<ApprovalId> ControlPlane::pending_approvals(std::size_t limit) const {
    std::vector<ApprovalId> approvals;
    const Result<journal::Page<journal::ApprovalRow>> page = outside_.journal.approvals(
        {.session = {},
         .run = {},
         .owner = {},
         .state = journal::ApprovalState::pending,
         .questions = false},
        {.after = {}, .limit = std::min(limit, journal::kPageLimit)});
    if (page)
        for (const journal::ApprovalRow& row : page->items)
            approvals.push_back(row.approval);
    return approvals;
}

std::vector<QuestionId> ControlPlane::pending_questions(std::size_t limit) const {
    std::vector<QuestionId> questions;
    const Result<journal::Page<journal::ApprovalRow>> page = outside_.journal.approvals(
        {.session = {},
         .run = {},
         .owner = {},
         .state = journal::ApprovalState::pending,
         .questions = true},
        {.after = {}, .limit = std::min(limit, journal::kPageLimit)});
    if (page)
        for (const journal::ApprovalRow& row : page->items)
            questions.push_back(QuestionId{row.approval.value});
    return questions;
}

// --- waits for runs
// ----------------------------------------------------------------------------------

void ControlPlane::when_at_rest(RunId run, UniqueFunction<void()> done) {
    wait_for_rest(run, {.for_end = false, .done = std::move(done)});
}

void ControlPlane::when_terminal(RunId run, UniqueFunction<void()> done) {
    wait_for_rest(run, {.for_end = true, .done = std::move(done)});
}

bool ControlPlane::is_at_rest(RunId run, bool for_end) const {
    const std::shared_ptr<RunActor> actor = supervisor_.find(run);
    if (actor == nullptr)
        return true;
    const engine::RunStatus status = actor->state().status;
    const bool waits_for_person = status == engine::RunStatus::waiting_for_approval ||
                                  status == engine::RunStatus::waiting_for_user_question;
    return engine::is_terminal(status) || (waits_for_person && !for_end);
}

void ControlPlane::wait_for_rest(RunId run, RestWaiter waiter) {
    if (is_at_rest(run, waiter.for_end))
        waiter.done();
    else
        rest_waiters_.emplace(run, std::move(waiter));
}

void ControlPlane::wake_waiters(RunId run) {
    std::vector<UniqueFunction<void()>> woken;
    const auto [first, last] = rest_waiters_.equal_range(run);
    for (auto waiter = first; waiter != last;) {
        if (is_at_rest(run, waiter->second.for_end)) {
            woken.push_back(std::move(waiter->second.done));
            waiter = rest_waiters_.erase(waiter);
        } else {
            ++waiter;
        }
    }
    for (UniqueFunction<void()>& done : woken)
        done();
}

uid_t ControlPlane::run_as(const Caller& caller) const {
    const bool is_person =
        caller.uid >= settings_.first_user_uid && caller.uid <= settings_.last_user_uid;
    return is_person ? caller.uid : settings_.agent_uid;
}

} // namespace kheish::control
