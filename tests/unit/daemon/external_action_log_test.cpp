#include "external_action_log.hpp"

#include "fault_vfs.hpp"
#include "support.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>

/// What cannot be put on record is not done.
namespace kheish {
namespace {

class ExternalActionLogTest : public testing::Test {
  protected:
    void SetUp() override { disk_.reset(); }
    void TearDown() override {
        file_.reset();
        disk_.reset();
    }
    Result<outbound::ExternalActionId> begin() {
        std::optional<Result<outbound::ExternalActionId>> answer;
        log_.begin(
            {.kind = "model_call",
             .key = "run-1/turn-1/attempt-1",
             .target = "POST https://h/p",
             .request_digest = {}},
            Responder<outbound::ExternalActionId>(
                [&answer](const Result<outbound::ExternalActionId>& id) { answer = id; }));
        return answer.value_or(fail(Errc::timeout, "no answer"));
    }

    journal::FaultVfs& disk_ = journal::FaultVfs::instance();
    std::unique_ptr<journal::JournalFile> file_ =
        std::make_unique<journal::JournalFile>(journal::FaultVfs::kName);
    ExternalActionLog log_;
};

TEST_F(ExternalActionLogTest, IsRefusedWhereTheJournalTakesNoWrites) {
    EXPECT_EQ(begin().error().code, Errc::journal_unavailable) << "before there is one";
    log_.set_journal(file_->journal());
    const Result<outbound::ExternalActionId> first = begin();
    ASSERT_TRUE(first.has_value());
    log_.end(*first, {});
    EXPECT_NE(*begin(), *first);
    disk_.write_error = SQLITE_FULL;
    EXPECT_FALSE(file_->write(journal::session_write("demo")).has_value());
    ASSERT_FALSE(file_->journal().health().writable);
    EXPECT_EQ(begin().error().code, Errc::storage_full);
}

} // namespace
} // namespace kheish
