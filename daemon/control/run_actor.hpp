#pragma once

#include "base/clock.hpp"
#include "base/entropy.hpp"
#include "base/responder.hpp"
#include "base/timers.hpp"
#include "control/grants.hpp"
#include "control/leases.hpp"
#include "control/question_requests.hpp"
#include "control/requests.hpp"
#include "control/run_projection.hpp"
#include "control/run_rules.hpp"
#include "control/settings.hpp"
#include "control/tool_surface.hpp"
#include "engine/decide.hpp"
#include "govern/action.hpp"
#include "journal/journal.hpp"
#include "models/model.hpp"
#include "outbound/web_fetch.hpp"
#include "scopes/run_host.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace kheish::control {

class Secrets;

/// The outside of the control plane. All of it outlives the control plane.
struct Outside {
    journal::Journal& journal;
    const Clock& clock;
    Timers& timers;
    Entropy& entropy;
    models::Routes& routes;
    scopes::RunHost& host;
    Secrets& secrets;
    outbound::WebFetch& web;
    std::span<const tools::Tool> tools; ///< those that there are; who sees which: ToolSurface
};

class RunActor;

/// Told by an actor what it does. The supervisor.
class RunObserver {
  public:
    RunObserver() = default;
    RunObserver(const RunObserver&) = delete;
    RunObserver& operator=(const RunObserver&) = delete;
    virtual ~RunObserver() = default;

    /// `event` is in the actor's state and will be committed, or the commit fails as a whole.
    virtual Status on_staged(const engine::Event& event) = 0;
    /// `events` are committed; each has its seq.
    virtual void on_committed(RunActor& actor, const std::vector<engine::Event>& events) = 0;
    /// What the actor holds is no longer what the journal holds: it does nothing any more.
    virtual void on_broken(RunActor& actor, const Error& error) = 0;
    /// Model text as it streams.
    virtual void on_text(const RunActor& actor, std::string_view text) = 0;
    /// The machine is about to sleep: what is asked of a model now is cut off.
    virtual bool is_going_to_sleep() const = 0;
    /// What people have allowed beforehand.
    virtual const Grants& grants() const = 0;
    /// What requests to providers stand on.
    virtual Leases& leases() = 0;
};

/// What is to become true in one commit, and what follows it.
struct Batch {
    Authority authority;
    std::vector<engine::Event> events; ///< staged
    std::vector<std::string> blobs;
    std::vector<journal::Row> rows; ///< beside those of the run, before them
    std::optional<journal::IdempotencyReceipt> receipt;
    std::vector<UniqueFunction<void()>> acts; ///< after the commit, in order
    Responder<void> responder;                ///< after the acts; may be empty
};

/// One run, alive. The only code that changes a run.
///
/// It turns what happens (an answer, the end of a call, a decision, a timer) into events, has them
/// committed, and then carries out what engine::decide asks for. While a commit is under way
/// nothing else is looked at: what comes meanwhile waits in the inbox, so that every decision is
/// taken on committed state.
class RunActor : public std::enable_shared_from_this<RunActor> {
  public:
    RunActor(
        Outside outside, const Settings& settings, RunObserver& observer, RunProjection projection);

    const engine::RunState& state() const { return projection_.state(); }
    RunId run() const { return state().run; }
    bool is_broken() const { return broken_; }
    /// The state, where the journal holds all of it; null during a commit and after a failed one.
    const engine::RunState* committed_state() const {
        return committing_ || broken_ ? nullptr : &state();
    }

    /// When it last made progress, by the boot clock: an event, other than that it makes none.
    std::int64_t progressed_boot_us() const { return progressed_boot_us_; }

    /// Runs `stimulus` now, or when the commit under way is over.
    void post(UniqueFunction<void()> stimulus);
    /// Folds one event into the state and `batch`. Only within a stimulus. An event that the engine
    /// refuses is an error; where the session or events staged before it contradict, the actor is
    /// then broken.
    Status stage(Batch& batch, engine::EventBody body);
    /// Has the journal commit what is staged.
    void commit(Batch batch);
    /// Carries out what the state asks for. Follows every commit by itself; called once by the
    /// supervisor for a run that was loaded.
    void advance();

    Batch batch_of(Authority authority) const;
    Batch daemon_batch() const { return batch_of(Authority::of(Principal::daemon())); }
    /// In the name of the run's agent, for whoever submitted the run.
    Batch agent_batch() const;

    /// Stages what `resolutions` decide about pending gates, all of them or an error that says
    /// which cannot be: Errc::approval_request_not_pending, approval_state_conflict for a behavior
    /// that is not for this kind of gate, bad_request and its like for an updated input that the
    /// tool does not take or a grant that would not cover the call, forbidden for what the
    /// permission rules deny, conflict where no grant more may be made.
    Status stage_resolutions(Batch& batch, const std::vector<Resolution>& resolutions);

    /// Stages the answer to a question that waits; Errc::question_state_conflict where it does not,
    /// and the errors of answer_text().
    Status stage_answer(Batch& batch, const ResolveQuestion& resolution);

    // What happens to the run; each posts itself.
    void start();
    void recover(std::string boot_id);
    /// A repeated one changes nothing, but for the receipt.
    void request_cancel(
        Authority authority,
        engine::RunCancelRequested request,
        std::optional<journal::IdempotencyReceipt> receipt,
        Responder<void> responder);
    /// An attempt that waits for the network is made now.
    void on_network_changed();
    /// An attempt that waits for a credential is made now; where it is gone, one that is under way
    /// with it is given up and waits.
    void on_credential_changed(bool gone);
    /// What a model call under way stands on was taken away: it is given up and waits.
    void on_lease_revoked(std::string why);
    /// A model call under way is given up, to be made again.
    void on_sleep();
    /// Writes that it makes no progress.
    void report_stuck(std::string reason);
    void on_launched(int attempt, scopes::Launched launched);
    void on_launch_failed(int attempt, Error error);
    void on_adopted(int attempt, scopes::Adopted adopted);
    void on_prepared(CallId call, codec::ContentChange change);
    void on_finished(scopes::Outcome outcome);
    void on_scope_ended(int attempt, bool lost, scopes::Accounting accounting, std::string reason);

  private:
    struct Plan {
        Batch batch;
        std::set<std::string> standing; ///< keys that are wanted
    };
    /// Plans one kind of effect per overload.
    struct Planner {
        RunActor& actor;
        Plan& plan;
        void operator()(const engine::Launch& effect);
        void operator()(const engine::AdoptRunner& effect);
        void operator()(const engine::StopScope& effect);
        void operator()(const engine::TrimContext& effect);
        void operator()(const engine::RequestModel& effect);
        void operator()(const engine::AbortModel& effect);
        void operator()(const engine::ScheduleModelRetry& effect);
        void operator()(const engine::ArmRetryTimer& effect);
        void operator()(const engine::JudgeCall& effect);
        void operator()(const engine::RequestApproval& effect);
        void operator()(const engine::StartCalls& effect);
        void operator()(const engine::AskQuestion& effect);
        void operator()(const engine::ArmApprovalTimer& effect);
        void operator()(const engine::ArmQuestionTimer& effect);
        void operator()(const engine::CancelCall& effect);
        void operator()(const engine::SettleCall& effect);
        void operator()(const engine::AskOutcome& effect);
        void operator()(const engine::RecordOutput& effect);
        void operator()(const engine::Finish& effect);
    };

    void on_committed(std::vector<engine::Event> events, Batch batch, journal::Committed committed);
    void break_off(const Error& error);
    void cancel_now(Batch batch, engine::RunCancelRequested request);
    void prepare_call(const CallId& id, const codec::ContentChange& change);
    void finish_call(scopes::Outcome outcome);
    void end_scope(engine::ScopeEnded ended);
    void drain();
    /// Stages an event of a plan; what the engine refuses here is our bug.
    bool plan_event(Plan& plan, engine::EventBody body);
    /// One daemon event in a commit of its own, if the engine takes it.
    void record(
        engine::EventBody body,
        UniqueFunction<void()> act = {},
        std::vector<std::string> blobs = {});

    /// Begins a standing effect once, under `key`.
    void stand(Plan& plan, std::string key, UniqueFunction<std::unique_ptr<Timer>()> begin);
    UniqueFunction<void()> posting(UniqueFunction<void()> fire);
    void stand_timer(
        Plan& plan, std::string key, std::chrono::microseconds delay, UniqueFunction<void()> fire);
    void
    stand_until(Plan& plan, std::string key, const Deadline& deadline, UniqueFunction<void()> fire);
    void take_runner(int attempt, scopes::Adopted adopted);
    void launch_now(int attempt);
    void launch(int attempt);
    void stop_now(int attempt);

    void call_model(models::Request request, int turn, int attempt);
    void end_model_call();
    void wake_for_credential();
    void give_up_model(std::string reason);
    void on_model_finished(
        int turn, int attempt, tl::expected<models::Response, models::CallError> result);
    void fail_model(int turn, int attempt, models::CallError::Kind kind, std::string message);
    void take_answer(
        int turn, int attempt, const tl::expected<models::Response, models::CallError>& result);
    void complete_model(int turn, int attempt, const models::Response& response);
    engine::ProposedCall
    propose(const models::ToolCall& call, const ToolSurface& tools, CallId id, Batch& batch) const;

    /// The tools of the run.
    Result<ToolSurface> tools() const;
    /// Null where the run has no such tool.
    const tools::Tool* find_tool(std::string_view name) const;
    Result<std::string> input_of(const engine::CallState& call) const;
    govern::Judgement judgement_of(const engine::CallState& call, const std::string& input) const;
    govern::Action action_of(const engine::CallState& call, std::string input) const;
    Result<codec::Digest> digest_of(const engine::CallState& call) const;
    codec::Digest digest_of(const engine::CallState& call, std::string input) const;
    /// What a resolution makes of its gate; the texts that belong to it go to `blobs`.
    Result<engine::EventBody>
    event_of(const Resolution& resolution, std::vector<std::string>& blobs) const;
    /// The grant that a resolution makes beside its decision (run_grants.cpp).
    Result<engine::EventBody> grant_of(const Resolution& resolution) const;
    static Result<engine::EventBody> outcome_of(
        const engine::CallState& call,
        const Resolution& resolution,
        std::vector<std::string>& blobs);
    Result<engine::EventBody> decision_of(
        const engine::CallState& call,
        const Resolution& resolution,
        std::vector<std::string>& blobs) const;
    Result<std::string> judge_update(const engine::CallState& call, const std::string& input) const;
    std::optional<Deadline> deadline_after(std::chrono::microseconds time) const;
    /// What comes of a gate that nobody decides, in the event that opens it (run_gates.cpp).
    template <class Opened>
    void set_overdue(Opened& opened) const;
    void pass(const engine::ArmApprovalTimer& moment);
    void log_gate(std::string_view text, const engine::CallState& call) const;
    void open_gate(const CallId& call, const std::string& reason, Plan& plan);
    bool may_start(const engine::CallState& call, Plan& plan);
    void execute(const CallId& call);
    void execute_in_runner(const engine::CallState& call, std::string input);
    void execute_in_daemon(const engine::CallState& call, std::string input);
    void emit_output(const CallId& call, const std::string& input);
    // Pages of the web (run_web.cpp).
    void fetch(const engine::CallState& call, const std::string& input);
    void take_page(const CallId& call, outbound::WebAnswer answer);
    void cancel_fetch(const CallId& call);

    Outside outside_;
    const Settings& settings_;
    RunObserver& observer_;
    RunProjection projection_;
    std::int64_t progressed_boot_us_ = 0;
    bool committing_ = false;
    bool broken_ = false;
    std::deque<UniqueFunction<void()>> inbox_;
    std::unique_ptr<models::Call> model_call_;
    Leases::Held model_lease_; ///< that the call stands on
    /// A page that is asked for.
    struct Fetch {
        std::int64_t begun_boot_us = 0;
        std::unique_ptr<outbound::WebCall> call;
    };
    std::map<CallId, Fetch> fetches_;
    mutable RunRules rules_; ///< read when they are first needed
    /// Standing effects that have begun; a null timer is one that only has to be remembered.
    std::map<std::string, std::unique_ptr<Timer>> standing_;
};

} // namespace kheish::control
