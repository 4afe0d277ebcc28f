#include "story.hpp"

#include <random>

namespace kheish::engine {
namespace {

/// Random histories: every event that the fold lets pass keeps the promises, every event that it
/// refuses changes nothing, and every run can be brought to its end from wherever it is.
class RandomHistory {
  public:
    explicit RandomHistory(unsigned seed) : random_(seed) {
        RunAccepted request;
        request.uses_runner = chance(90);
        request.max_turns = pick(5);
        if (chance(30))
            request.context_limit_bytes = pick(60);
        if (chance(20))
            request.mode = PermissionMode::dont_ask;
        story.accept(request);
        story.happen(RunStarted{});
    }

    void play(int steps) {
        for (int step = 0; step < steps && !is_settled(story.state); ++step) {
            if (chance(60))
                act();
            constexpr int kTries = 4;
            for (int i = 0; i < kTries && !story.try_to(outside()); ++i) {
            }
            if (::testing::Test::HasFailure())
                return;
        }
    }

    Story story;

  private:
    bool chance(int percent) { return pick(100) < percent; }
    int pick(int count) { return std::uniform_int_distribution<int>(0, count - 1)(random_); }
    const CallState* any_call() {
        const std::vector<CallState>& calls = story.state.calls;
        return calls.empty()
                   ? nullptr
                   : &calls[static_cast<std::size_t>(pick(static_cast<int>(calls.size())))];
    }

    void act() {
        const std::vector<Effect> effects = decide(story.state);
        if (effects.empty())
            return;
        const Effect& effect =
            effects[static_cast<std::size_t>(pick(static_cast<int>(effects.size())))];
        if (const StartCalls* start = std::get_if<StartCalls>(&effect)) {
            for (const CallStart& call : start->calls)
                story.try_to(ToolStarted{
                    call.call, call.execution, call.scope_attempt, call.idempotency_key});
            return;
        }
        const bool may_ask = story.state.request.mode != PermissionMode::dont_ask;
        const Decision decision = chance(50)              ? Decision::allow
                                  : may_ask && chance(60) ? Decision::ask
                                                          : Decision::deny;
        if (std::optional<EventBody> body = intent(story.state, effect, decision)) {
            if (chance(70))
                set_overdue(*body);
            story.try_to(std::move(*body));
        }
    }

    /// Where it opens a gate, it says what comes of it if nobody decides.
    static void set_overdue(EventBody& body) {
        const auto set = [](auto& opened) {
            opened.remind = Deadline{10, 10, "b1"};
            opened.escalate = Deadline{20, 20, "b1"};
            opened.escalate_to = {"user:1002"};
        };
        if (auto* requested = std::get_if<ApprovalRequested>(&body))
            set(*requested);
        if (auto* unknown = std::get_if<ToolOutcomeUnknown>(&body))
            set(*unknown);
    }

    EventBody about_gate(const ApprovalId& gate, const CallId& id) {
        switch (pick(3)) {
        case 0:
            return ApprovalReminded{gate, id};
        case 1:
            return ApprovalEscalated{gate, id, {"user:1002"}};
        default:
            return ApprovalExpired{gate, id};
        }
    }

    EventBody answer() {
        ModelCompleted completed;
        completed.turn = story.state.model.turn;
        completed.attempt = story.state.model.attempt;
        completed.text_preview = chance(50) ? "text" : "";
        const int calls = chance(70) ? pick(5) : 0;
        completed.stop_reason = chance(90) ? "tool_use" : chance(50) ? "max_tokens" : "refusal";
        for (int i = 0; i < calls; ++i) {
            ProposedCall& call = completed.calls.emplace_back(proposed(
                completed.turn, static_cast<std::size_t>(i), static_cast<EffectClass>(pick(4))));
            call.parallel = chance(50);
            call.place = static_cast<ToolPlace>(chance(75) ? 0 : pick(3));
            call.invalid_reason = chance(10) ? "no such tool" : "";
        }
        return completed;
    }

    EventBody failure() {
        static constexpr std::array<const char*, 5> kKinds = {
            "network", "server", "rate_limited", "overloaded", "context_overflow"};
        return ModelFailed{
            story.state.model.turn,
            story.state.model.attempt,
            kKinds[static_cast<std::size_t>(pick(5))],
            "no",
            chance(95),
            chance(20) ? pick(1000) : -1};
    }

    EventBody adoption() {
        RunnerAdopted adopted{story.state.scope.attempt, {}, {}};
        for (const CallState& call : story.state.calls) {
            if (chance(40))
                adopted.running.push_back(call.proposal.call);
            else if (chance(50))
                adopted.finished.push_back(call.proposal.call);
        }
        return adopted;
    }

    EventBody about_call() {
        const CallState* call = any_call();
        if (call == nullptr)
            return ToolOutcomeUnknown{};
        const CallId& id = call->proposal.call;
        const std::optional<ApprovalId> gate = waiting_gate(story.state.run, *call);
        if (gate && chance(40))
            return about_gate(*gate, id);
        if (call->gate && chance(60)) {
            ApprovalResolved resolved{call->gate->approval, id, call->gate->digest, chance(70), ""};
            if (chance(20))
                resolved.updated_input = codec::blob_ref("other input");
            if (chance(20))
                resolved.updated_digest = codec::sha256("other action");
            return resolved;
        }
        if (call->question && chance(70)) {
            if (chance(20))
                return QuestionExpired{call->question->id, id};
            return QuestionResolved{
                call->question->id, id, chance(30), codec::blob_ref("answer"), ""};
        }
        if (call->phase == CallPhase::outcome_unknown) {
            const OutcomeChoice choice = static_cast<OutcomeChoice>(pick(3));
            OutcomeResolved resolved{id, choice, {}, ""};
            if (choice == OutcomeChoice::result)
                resolved.text = codec::blob_ref("told");
            return resolved;
        }
        if (chance(20))
            return ToolPrepared{id, {codec::sha256("before"), codec::sha256("after")}};
        static constexpr std::array<const char*, 7> kOutcomes = {
            "ok", "failed", "timed_out", "cancelled", "denied", "invalid", "outcome_unknown"};
        ToolFinished finished;
        finished.call = id;
        finished.outcome = kOutcomes[static_cast<std::size_t>(pick(7))];
        finished.is_error = finished.outcome != "ok";
        return finished;
    }

    EventBody outside() {
        const ScopeState& scope = story.state.scope;
        switch (pick(20)) {
        case 0:
            return chance(70) ? EventBody(RunRecovered{"b1"})
                              : EventBody(RunStuckReported{"tools", "look at it"});
        case 1:
            return chance(15) ? EventBody(RunCancelRequested{chance(50), ""}) : about_call();
        case 2:
            return LaunchFailed{scope.attempt, "busy", chance(5)};
        case 3:
            return ScopeEnded{scope.attempt, chance(50), "", {pick(99), 1, 1, 1, 1}};
        case 4:
        case 5:
            return Launched{scope.attempt, "unit", {}};
        case 6:
        case 7:
            return adoption();
        case 8:
            if (chance(20))
                return ModelRetryWoken{
                    story.state.model.retry.turn, story.state.model.retry.attempt};
            return ModelRetryDue{story.state.model.retry.turn, story.state.model.retry.attempt};
        case 9:
            return failure();
        case 10:
        case 11:
        case 12:
            return answer();
        case 13:
            return LaunchRequested{scope.attempt + pick(2), "b1"};
        case 14:
            return ModelRequested{story.state.model.turn + pick(2), 1, "", "", {}};
        default:
            return about_call();
        }
    }

    std::mt19937 random_;
};

TEST(Property, RandomHistoriesKeepThePromisesAndCanEnd) {
    int long_ones = 0;
    for (unsigned seed = 1; seed <= 250; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        RandomHistory history(seed);
        history.play(40);
        ASSERT_FALSE(::testing::Test::HasFailure());
        long_ones += history.story.events.size() > 20 ? 1 : 0;
        history.story.cooperate();
        ASSERT_FALSE(::testing::Test::HasFailure());
        const std::vector<Event>& events = history.story.events;
        const Result<RunState> state = fold(events);
        ASSERT_TRUE(state);
        ASSERT_EQ(describe(*state), describe(history.story.state));
    }
    EXPECT_GT(long_ones, 60); // the histories are ones worth looking at
}

} // namespace
} // namespace kheish::engine
