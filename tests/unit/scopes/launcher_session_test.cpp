#include "scopes/launcher_session.hpp"

#include <gtest/gtest.h>

namespace kheish::scopes {
namespace {

constexpr sandbox::JournalId kJournal{7};
const Error kGone{.code = Errc::service_unavailable, .message = "gone"};

LaunchRequest launch() {
    LaunchRequest request;
    request.run = RunId{17};
    request.attempt = 2;
    request.run_as = 1000;
    request.workspace = "/home/alice/project";
    request.limits.cpu_quota_percent = 150;
    return request;
}

template <class T>
Responder<T> into(std::optional<Result<T>>& slot) {
    return Responder<T>([&slot](Result<T> result) { slot = std::move(result); });
}

class Session : public ::testing::Test {
  protected:
    /// Takes the next message as the launcher would.
    sandbox::Request sent() {
        KHEISH_ASSERT(session_.next_message() != nullptr);
        const Result<sandbox::Request> request = sandbox::decode_request(*session_.next_message());
        KHEISH_ASSERT(request.has_value());
        session_.pop_message();
        return *request;
    }
    void ask_stop(std::int64_t run, std::optional<Result<void>>& slot) {
        Responder<void> done = into(slot);
        EXPECT_TRUE(session_.stop(RunId{run}, 1, false, done));
    }

    LauncherSession session_{kJournal};
};

TEST_F(Session, AStartSaysEverything) {
    std::optional<Result<Launcher::Started>> slot;
    Responder<Launcher::Started> done = into(slot);
    ASSERT_TRUE(session_.start(launch(), done));
    const sandbox::Request request = sent();
    const sandbox::StartRequest& start = std::get<sandbox::StartRequest>(request.body);
    EXPECT_EQ(start.journal, kJournal);
    EXPECT_EQ(start.attempt, (sandbox::Attempt{RunId{17}, 2}));
    EXPECT_EQ(start.run_as, 1000U);
    EXPECT_EQ(start.profile, "default");
    EXPECT_EQ(start.workspace, "/home/alice/project");
    EXPECT_EQ(start.limits.cpu_quota_us_per_second, 1'500'000U);
    EXPECT_EQ(start.limits.runtime_max_us, 86'400'000'000U);
    EXPECT_EQ(session_.next_message(), nullptr);

    const sandbox::StartedReply reply{"/cgroup", "/run/1.sock", {.memory = true, .io = true}};
    ASSERT_TRUE(session_.receive(sandbox::encode(sandbox::Reply{request.number, reply})));
    ASSERT_TRUE(slot && *slot);
    EXPECT_EQ((*slot)->slice_cgroup, "/cgroup");
    EXPECT_EQ((*slot)->socket, "/run/1.sock");
    EXPECT_EQ((*slot)->degraded, (std::vector<std::string>{"memory", "io"}));
    EXPECT_FALSE(session_.has_pending());
}

TEST_F(Session, RepliesFindTheirRequestInAnyOrder) {
    std::optional<Result<void>> first;
    std::optional<Result<void>> second;
    ask_stop(1, first);
    ask_stop(2, second);
    const std::uint64_t first_number = sent().number;
    const std::uint64_t second_number = sent().number;
    const Error refused{.code = Errc::timeout, .message = "they do not end"};
    ASSERT_TRUE(session_.receive(sandbox::encode(sandbox::Reply{second_number, refused})));
    EXPECT_FALSE(first);
    ASSERT_TRUE(second && !*second);
    EXPECT_EQ(second->error().code, Errc::timeout);
    EXPECT_EQ(second->error().message, "they do not end");
    const sandbox::StoppedReply stopped{1};
    ASSERT_TRUE(session_.receive(sandbox::encode(sandbox::Reply{first_number, stopped})));
    ASSERT_TRUE(first);
    EXPECT_TRUE(*first);
}

TEST_F(Session, AReplyOfAnotherKindIsNoAnswer) {
    std::optional<Result<void>> slot;
    ask_stop(1, slot);
    const sandbox::Reply wrong{sent().number, sandbox::StartedReply{}};
    EXPECT_FALSE(session_.receive(sandbox::encode(wrong)));
    ASSERT_TRUE(slot && !*slot);
    EXPECT_EQ(slot->error().code, Errc::protocol_error);
}

TEST_F(Session, RepliesToNothingAndNoiseAreRefused) {
    EXPECT_EQ(session_.receive("noise").error().code, Errc::protocol_error);
    const sandbox::Reply reply{99, sandbox::StoppedReply{}};
    EXPECT_EQ(session_.receive(sandbox::encode(reply)).error().code, Errc::protocol_error);
}

TEST_F(Session, WhatWasNotSentSurvivesTheConnection) {
    std::optional<Result<void>> sent_one;
    std::optional<Result<void>> unsent_one;
    ask_stop(1, sent_one);
    ask_stop(2, unsent_one);
    (void)sent();
    session_.fail_sent(kGone);
    ASSERT_TRUE(sent_one && !*sent_one);
    EXPECT_EQ(sent_one->error().code, Errc::service_unavailable);
    EXPECT_FALSE(unsent_one);
    EXPECT_EQ(std::get<sandbox::StopRequest>(sent().body).attempt.run, RunId{2});
    session_.fail_all(kGone);
    EXPECT_TRUE(unsent_one && !*unsent_one);
}

TEST_F(Session, ABadRequestKeepsItsResponder) {
    std::optional<Result<Launcher::Started>> slot;
    Responder<Launcher::Started> done = into(slot);
    LaunchRequest request = launch();
    request.workspace = "/" + std::string(5000, 'x');
    const Status queued = session_.start(request, done);
    ASSERT_FALSE(queued);
    EXPECT_EQ(queued.error().code, Errc::invalid_argument);
    EXPECT_EQ(session_.next_message(), nullptr);
    EXPECT_FALSE(session_.has_pending());
    ASSERT_TRUE(static_cast<bool>(done));
    done.fail(kGone);
}

TEST_F(Session, TheNumberOfRequestsIsBounded) {
    std::vector<std::optional<Result<void>>> slots(LauncherSession::kPendingLimit);
    for (std::optional<Result<void>>& slot : slots)
        ask_stop(1, slot);
    std::optional<Result<void>> slot;
    Responder<void> done = into(slot);
    EXPECT_EQ(session_.stop(RunId{1}, 1, false, done).error().code, Errc::rate_limited);
    done.answer({});
    session_.fail_all(kGone);
}

} // namespace
} // namespace kheish::scopes
