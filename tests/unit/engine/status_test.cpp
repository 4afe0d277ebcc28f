#include "engine/state.hpp"

#include <map>
#include <set>

#include <gtest/gtest.h>

namespace kheish::engine {
namespace {

using enum RunStatus;

const std::map<RunStatus, std::set<RunStatus>>& legal() {
    static const std::map<RunStatus, std::set<RunStatus>> table = {
        {queued, {running, failed, cancelled}},
        {running,
         {queued,
          waiting_for_approval,
          waiting_for_user_question,
          completed,
          failed,
          interrupted,
          cancelled}},
        {waiting_for_approval, {running, failed, interrupted, cancelled}},
        {waiting_for_user_question, {running, completed, failed, interrupted, cancelled}},
        {completed, {}},
        {failed, {}},
        {interrupted, {}},
        {cancelled, {}},
    };
    return table;
}

TEST(RunStatus, EveryPairIsAsInTheTable) {
    for (const RunStatus from : kAllRunStatuses)
        for (const RunStatus to : kAllRunStatuses)
            EXPECT_EQ(is_legal_transition(from, to), from == to || legal().at(from).contains(to))
                << to_string(from) << " to " << to_string(to);
}

TEST(RunStatus, TerminalIsWhereNothingFollows) {
    for (const RunStatus status : kAllRunStatuses)
        EXPECT_EQ(is_terminal(status), legal().at(status).empty()) << to_string(status);
}

TEST(RunStatus, WordsRoundTrip) {
    std::set<std::string_view> words;
    for (const RunStatus status : kAllRunStatuses) {
        words.insert(to_string(status));
        EXPECT_EQ(parse_run_status(to_string(status)), status);
    }
    EXPECT_EQ(
        words,
        (std::set<std::string_view>{
            "queued",
            "running",
            "waiting_for_approval",
            "waiting_for_user_question",
            "completed",
            "failed",
            "interrupted",
            "cancelled"}));
    EXPECT_EQ(parse_run_status("done"), std::nullopt);
}

TEST(WaitReason, WordsRoundTrip) {
    constexpr int kCount = 15;
    for (int i = 0; i < kCount; ++i) {
        const WaitReason reason = static_cast<WaitReason>(i);
        EXPECT_EQ(parse_wait_reason(to_string(reason)), reason);
    }
    EXPECT_EQ(to_string(WaitReason::outcome_unknown), "outcome_unknown");
    EXPECT_EQ(to_string(WaitReason::launch), "launch");
    EXPECT_EQ(parse_wait_reason("weather"), std::nullopt);
}

} // namespace
} // namespace kheish::engine
