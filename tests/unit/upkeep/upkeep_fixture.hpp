#pragma once

#include "upkeep/export.hpp"
#include "upkeep/rebuild.hpp"
#include "upkeep/spools.hpp"
#include "upkeep/verification.hpp"

#include "control_fixture.hpp"
#include "journal/backup.hpp"
#include "journal/prune.hpp"
#include "support.hpp"

#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <unistd.h>

namespace kheish::upkeep {

using control::kAlice;

/// A journal with a session, a run that is over and one that waits for an approval; kheishd has it.
class UpkeepTest : public control::ControlFixture {
  protected:
    void SetUp() override {
        ControlFixture::SetUp();
        make_session("demo");
        over_ = submit("demo", "first");
        launched(over_);
        routes_->fake.answer("An answer.");
        settle();
        host_->observer->on_stopped(over_, 1, {});
        settle();
        waiting_ = submit("demo", "second");
        launched(waiting_);
        routes_->fake.answer_calls({{"provider-1", "bash", R"({"command":"make"})"}});
        settle();
        ASSERT_EQ(status(over_), "completed");
        ASSERT_EQ(status(waiting_), "waiting_for_approval");
    }

    std::string path() const { return directory_ + "/journal.db"; }
    std::string beside(const std::string& name) const { return directory_ + "/" + name; }
    Verdict verified(const std::string& file) {
        Result<Verdict> verdict = verify(file, clock_);
        EXPECT_TRUE(verdict) << verdict.error().to_string();
        return verdict.value_or(Verdict());
    }
    void expect_whole(const std::string& file) {
        const Verdict verdict = verified(file);
        EXPECT_EQ(verdict.findings, 0) << (verdict.details.empty() ? "" : verdict.details[0]);
    }
    /// The one finding of a journal in which `sql` was done behind its back.
    void expect_finding(const std::string& sql, const std::string& text) {
        journal::raw_sql(path(), sql);
        const Verdict verdict = verified(path());
        ASSERT_GE(verdict.findings, 1) << sql;
        EXPECT_NE(verdict.details[0].find(text), std::string::npos) << verdict.details[0];
    }
    static std::string content_of(const std::string& file) {
        std::ifstream stream(file, std::ios::binary);
        return {std::istreambuf_iterator<char>(stream), {}};
    }
    /// Of the content that begins with `text`, somewhere in the file.
    void flip_a_bit_of(const std::string& text) const {
        std::string content = content_of(path());
        const std::size_t place = content.find(text);
        ASSERT_NE(place, std::string::npos);
        content[place + text.size() / 2] = static_cast<char>(content[place + text.size() / 2] ^ 4);
        std::ofstream(path(), std::ios::binary) << content;
    }
    static Fd new_file(const std::string& file) {
        return Fd(::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    }

    RunId over_;
    RunId waiting_;
    journal::BackupProgress progress_;
};

} // namespace kheish::upkeep
