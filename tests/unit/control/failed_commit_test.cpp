#include "control_fixture.hpp"
#include "fault_vfs.hpp"

#include <algorithm>
#include <sqlite3.h>

/// A commit that fails leaves nobody with more than the journal holds.
namespace kheish::control {
namespace {

using std::chrono::seconds;

class FailedCommitTest : public ControlFixture {
  protected:
    void SetUp() override {
        disk_.reset();
        disk_.remembers = false;
        vfs_ = journal::FaultVfs::kName;
        ControlFixture::SetUp();
        make_session("demo");
        first_ = submit("demo", "x");
        second_ = submit("demo", "y");
        launched(first_);
    }
    void TearDown() override {
        ControlFixture::TearDown();
        disk_.reset();
    }
    void fill_disk() { disk_.write_error = SQLITE_FULL; }
    /// Space is back, and everybody has had the time to see it.
    void free_disk() {
        disk_.write_error = 0;
        for (int i = 0; i < 10; ++i) {
            timers_->pass(seconds(1));
            (void)journal_->commit(); // also looks whether there is space again
            settle();
        }
        ASSERT_TRUE(journal_->health().writable);
    }
    bool is_launched(RunId run) const {
        return std::any_of(
            host_->launches.begin(),
            host_->launches.end(),
            [run](const scopes::LaunchRequest& launch) { return launch.run == run; });
    }

    journal::FaultVfs& disk_ = journal::FaultVfs::instance();
    RunId first_;
    RunId second_;
};

TEST_F(FailedCommitTest, NobodyFollowsARunWhoseEndCouldNotBeWritten) {
    routes_->fake.answer("done");
    ASSERT_TRUE(journal_->commit().has_value()); // the answer; the end comes with the next
    fill_disk();
    while (journal_->has_pending())
        (void)journal_->commit(); // fails
    EXPECT_FALSE(journal_->health().writable);
    EXPECT_EQ(status(first_), "running");
    EXPECT_EQ(status(second_), "queued");

    // The journal takes writes again before the first run has been loaded again.
    disk_.write_error = 0;
    clock_.advance(seconds(1));
    ASSERT_TRUE(journal_->commit().has_value());
    ASSERT_TRUE(journal_->health().writable);
    EXPECT_EQ(status(submit("demo", "z")), "queued");
    EXPECT_EQ(status(second_), "queued") << "two runs of one session would be active";
    EXPECT_FALSE(is_launched(second_));

    free_disk();
    EXPECT_EQ(status(first_), "completed");
    EXPECT_TRUE(is_launched(second_));
    expect_rows_follow_events(first_);
    expect_rows_follow_events(second_);
}

TEST_F(FailedCommitTest, WhatWasRefusedForWantOfSpaceIsNotThereLater) {
    fill_disk();
    SubmitInput input;
    input.content = "z";
    std::optional<Result<SubmittedRun>> answer;
    plane_->submit(
        Caller::user(kAlice),
        SessionId{"demo"},
        std::move(input),
        Responder<SubmittedRun>(
            [&answer](Result<SubmittedRun> result) { answer = std::move(result); }));
    while (journal_->has_pending())
        (void)journal_->commit(); // fails
    ASSERT_TRUE(answer.has_value());
    ASSERT_FALSE(answer->has_value());
    EXPECT_EQ(answer->error().code, Errc::storage_full);
    free_disk();
    const Result<std::int64_t> runs = journal_->count_runs({});
    ASSERT_TRUE(runs.has_value());
    EXPECT_EQ(*runs, 2);
    const RunId third = submit("demo", "z again");
    EXPECT_EQ(status(third), "queued");
}

} // namespace
} // namespace kheish::control
