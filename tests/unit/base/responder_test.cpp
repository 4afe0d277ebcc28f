#include "base/responder.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>

namespace kheish {
namespace {

Responder<int> capture(std::optional<Result<int>>& slot) {
    return Responder<int>([&slot](Result<int> result) { slot = std::move(result); });
}

TEST(Responder, AnswersOnce) {
    std::optional<Result<int>> seen;
    Responder<int> responder = capture(seen);
    responder.answer(7);
    ASSERT_TRUE(seen.has_value());
    EXPECT_EQ(seen->value(), 7);
    EXPECT_FALSE(static_cast<bool>(responder));
}

TEST(Responder, AnswersInternalWhenForgotten) {
    std::optional<Result<int>> seen;
    { const Responder<int> responder = capture(seen); }
    ASSERT_TRUE(seen.has_value());
    EXPECT_EQ(seen->error().code, Errc::internal);
}

TEST(Responder, MovedFromOneStaysSilent) {
    std::optional<Result<int>> seen;
    {
        Responder<int> first = capture(seen);
        Responder<int> second = std::move(first);
        second.fail(Errc::conflict, "taken");
    }
    EXPECT_EQ(seen->error().code, Errc::conflict);
}

TEST(Responder, AssignmentAnswersTheOneItReplaces) {
    std::optional<Result<int>> first;
    std::optional<Result<int>> second;
    Responder<int> responder = capture(first);
    responder = capture(second);
    EXPECT_EQ(first->error().code, Errc::internal);
    responder.answer(1);
    EXPECT_EQ(second->value(), 1);
}

TEST(UniqueFunction, OwnsMoveOnlyCaptures) {
    UniqueFunction<int(int)> add = [base = std::make_unique<int>(40)](int more) {
        return *base + more;
    };
    UniqueFunction<int(int)> moved = std::move(add);
    EXPECT_EQ(moved(2), 42);
}

} // namespace
} // namespace kheish
