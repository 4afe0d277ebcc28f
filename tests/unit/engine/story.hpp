#pragma once

#include "promises.hpp"

#include <functional>

#include <gtest/gtest.h>

namespace kheish::engine {

/// A run told event by event; every event is checked to be legal and to keep the promises.
class Story {
  public:
    RunState state;
    std::vector<Event> events;
    std::int64_t now_us = 1'000'000;

    /// The event happens and is legal.
    void happen(EventBody body);
    /// Whether the event was legal; it has happened then.
    bool try_to(EventBody body);
    /// The event is refused, with `part` in the message, and changes nothing.
    void refuse(EventBody body, std::string_view part);

    /// decide() as text.
    std::vector<std::string> next() const;
    /// The effect of this kind that decide() gives; the test fails where there is none.
    template <class Kind>
    Kind effect() const {
        for (const Effect& effect : decide(state))
            if (const Kind* found = std::get_if<Kind>(&effect))
                return *found;
        ADD_FAILURE() << "decide() gives no such effect: " << describe(state);
        return {};
    }
    template <class Kind>
    bool wants() const {
        for (const Effect& effect : decide(state))
            if (std::holds_alternative<Kind>(effect))
                return true;
        return false;
    }

    // Chapters.
    void accept(RunAccepted request = {});
    void start(RunAccepted request = {});
    /// Asked for and live, attempt `state.scope.attempt` + 1.
    void launch();
    void ask_model();
    void answer(std::vector<ProposedCall> calls, std::string stop_reason = "tool_use");
    void answer_text(std::string text = "done", std::string stop_reason = "end_turn");
    void fail_model(std::string kind, bool retryable = true, std::int64_t retry_after_us = -1);
    void judge(const CallId& call, Decision decision);
    void gate(const CallId& call);
    void resolve(const CallId& call, bool allowed);
    /// Whatever StartCalls says.
    void start_calls();
    void finish(const CallId& call, std::string outcome = "ok");
    void settle_all();
    void end_scope(bool lost);
    void recover();
    /// Carries out what decide() says and lets the outside answer, until the run is settled.
    void cooperate();
};

/// A call of turn `turn` with this place in the answer.
ProposedCall proposed(int turn, std::size_t index, EffectClass effect_class = EffectClass::pure);
ProposedCall parallel(int turn, std::size_t index);

} // namespace kheish::engine
