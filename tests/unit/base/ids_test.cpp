#include "base/ids.hpp"

#include <gtest/gtest.h>

namespace kheish {
namespace {

TEST(RunId, HasOneSpelling) {
    EXPECT_EQ(RunId::parse("run-17"), RunId{17});
    EXPECT_EQ(RunId{17}.to_string(), "run-17");
    for (const char* text : {"", "run-", "run-0", "run-017", "run--1", "run-1x", "RUN-1", "17"})
        EXPECT_FALSE(RunId::parse(text)) << text;
}

TEST(SessionId, TakesNamesAndSaysWhyNot) {
    EXPECT_EQ(parse_session_id("demo")->value, "demo");
    EXPECT_EQ(parse_session_id("a.b:c@d_e-1")->value, "a.b:c@d_e-1");
    for (const char* text : {"", ".", "..", "a/b", "a b", "\xC3\xBC", "a\n"}) {
        const Result<SessionId> parsed = parse_session_id(text);
        ASSERT_FALSE(parsed.has_value()) << text;
        EXPECT_EQ(parsed.error().code, Errc::invalid_session_id);
    }
    EXPECT_TRUE(parse_session_id(std::string(kSessionIdLimitBytes, 'a')).has_value());
    EXPECT_FALSE(parse_session_id(std::string(kSessionIdLimitBytes + 1, 'a')).has_value());
}

TEST(UnitNames, ComeFromRunAndAttempt) {
    EXPECT_EQ(run_slice_name(RunId{17}), "kheish-runs-17.slice");
    EXPECT_EQ(run_scope_name(RunId{17}, 2), "kheish-run-17-2.scope");
}

} // namespace
} // namespace kheish
