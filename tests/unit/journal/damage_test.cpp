#include "base/log.hpp"
#include "journal/acknowledged_mark.hpp"
#include "journal/page_checksum.hpp"
#include "journal/wal_frame.hpp"
#include "random.hpp"
#include "support.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace kheish::journal {
namespace {

std::string content_of(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

void set_content(const std::string& path, const std::string& content) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

/// A journal that was killed: part of it lies in the database, part of it in the log.
class DamageTest : public testing::Test {
  protected:
    static constexpr std::int64_t kRuns = 12;

    DamageTest() {
        JournalFile made;
        KHEISH_ASSERT(made.write(session_write("demo")).has_value());
        for (std::int64_t run = 1; run <= kRuns; ++run) {
            KHEISH_ASSERT(made.write(run_write(run, "demo")).has_value());
            if (run == kRuns / 2)
                KHEISH_ASSERT(made.reopen().has_value()); // the log goes into the database
        }
        events_ = made->events(0, {}, kPageLimit)->items;
        for (const char* name : {"journal.db", "journal.db-wal", "journal.db.acknowledged"})
            files_[name] = content_of(made.directory.file(name));
        KHEISH_ASSERT(files_["journal.db-wal"].size() > 10 * kPageBytes);
    }

    /// The files as they were, but for one bit.
    void flip(const std::string& name, std::size_t bit) {
        for (const auto& [file, content] : files_)
            set_content(directory_.file(file), content);
        std::filesystem::remove(directory_.file("journal.db-shm"));
        std::string damaged = files_[name];
        damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
        set_content(directory_.file(name), damaged);
    }

    Result<std::unique_ptr<SqliteJournal>> open() {
        return SqliteJournal::open(directory_.file("journal.db"), {}, clock_, entropy_);
    }

    enum class Outcome { whole, reported, deceived };

    /// Everything is read: it is what was written, or what is wrong is said.
    Outcome read_all() {
        const Result<std::unique_ptr<SqliteJournal>> opened = open();
        if (!opened)
            return is_damage(opened.error()) ? Outcome::reported : Outcome::deceived;
        const Result<Page<StoredEvent>> events = (*opened)->events(0, {}, kPageLimit);
        if (!events)
            return is_damage(events.error()) ? Outcome::reported : Outcome::deceived;
        if (events->items != events_)
            return Outcome::deceived;
        bool is_reported = false;
        for (std::int64_t number = 1; number <= kRuns; ++number) {
            const Result<RunRow> row = (*opened)->run(RunId{number});
            const Result<std::string> input = (*opened)->blob(codec::sha256(kInputText));
            if (row && (row->session.value != "demo" || row->status != "queued"))
                return Outcome::deceived;
            if (input && *input != kInputText)
                return Outcome::deceived;
            if ((!row && !is_damage(row.error())) || (!input && !is_damage(input.error())))
                return Outcome::deceived;
            is_reported = is_reported || !row || !input;
        }
        return is_reported ? Outcome::reported : Outcome::whole;
    }

    static bool is_damage(const Error& error) {
        return error.code == Errc::journal_corrupt || error.code == Errc::journal_unavailable;
    }

    TemporaryDirectory directory_;
    FakeClock clock_;
    CountingEntropy entropy_;
    std::map<std::string, std::string> files_;
    std::vector<StoredEvent> events_;
};

TEST_F(DamageTest, ABitThatFlipsAnywhereIsNeverActedOn) {
    constexpr int kTries = 600;
    set_log_level(Level::critical);
    sim::Random random(7);
    std::map<Outcome, int> outcomes;
    for (int i = 0; i < kTries; ++i) {
        const bool in_log = i % 2 == 0;
        const std::string name = in_log ? "journal.db-wal" : "journal.db";
        const auto bits = static_cast<std::int64_t>(files_[name].size() * 8);
        // Headers are a small part of the whole, and the most delicate one.
        const std::int64_t bit = random.chance(300) ? random.below(800) : random.below(bits);
        flip(name, static_cast<std::size_t>(bit));
        const Outcome outcome = read_all();
        ++outcomes[outcome];
        ASSERT_NE(outcome, Outcome::deceived) << name << ", bit " << bit;
    }
    set_log_level(Level::info);
    EXPECT_GT(outcomes[Outcome::reported], kTries / 2) << "most of a journal is in use";
}

TEST_F(DamageTest, AFlippedBitInUseIsNoticedAndNothingIsWrittenOnTopOfIt) {
    JournalFile journal;
    ASSERT_TRUE(journal.write(session_write("demo")).has_value());
    ASSERT_TRUE(journal.write(run_write(1, "demo")).has_value());
    ASSERT_TRUE(journal.reopen().has_value());
    std::string content = content_of(journal.path());
    const std::size_t place = content.find(kInputText);
    ASSERT_NE(place, std::string::npos);
    content[place] = static_cast<char>(content[place] ^ 1);
    journal.close();
    set_content(journal.path(), content);
    ASSERT_TRUE(journal.reopen().has_value());
    const Result<std::string> read = journal->blob(codec::sha256(kInputText));
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, Errc::journal_corrupt) << read.error().to_string();
    const Answer answer = journal.submit(session_write("other"));
    EXPECT_FALSE(journal->commit());
    EXPECT_EQ((*answer).error().code, Errc::journal_corrupt);
    EXPECT_FALSE(journal->health().writable);
    EXPECT_EQ(journal->health().error.code, Errc::journal_corrupt);
    EXPECT_TRUE(journal->session({"demo"})) << "what is whole is still read";
}

TEST_F(DamageTest, ALogThatEndsBeforeWhatWasAcknowledgedIsRefused) {
    flip("journal.db-wal", 8 * (kWalHeaderBytes + kWalFrameHeaderBytes + 100));
    const Result<std::unique_ptr<SqliteJournal>> opened = open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::journal_corrupt);
    EXPECT_NE(opened.error().message.find("were acknowledged"), std::string::npos);
    std::filesystem::remove(directory_.file("journal.db.acknowledged"));
    EXPECT_TRUE(open()) << "who accepts the loss says so";
}

TEST_F(DamageTest, AnOlderCopyInTheJournalsPlaceIsRefused) {
    JournalFile journal;
    ASSERT_TRUE(journal.write(session_write("demo")).has_value());
    journal.close();
    const std::string old = content_of(journal.path());
    ASSERT_TRUE(journal.reopen().has_value());
    ASSERT_TRUE(journal.write(run_write(1, "demo")).has_value());
    journal.close();
    set_content(journal.path(), old);
    const Status opened = journal.reopen();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::journal_corrupt);
    EXPECT_NE(opened.error().message.find("ends at event 1, and 2"), std::string::npos)
        << opened.error().message;
}

TEST_F(DamageTest, AJournalThatIsGoneIsNotMadeAnew) {
    JournalFile journal;
    ASSERT_TRUE(journal.write(session_write("demo")).has_value());
    journal.close();
    std::filesystem::remove(journal.path());
    const Status opened = journal.reopen();
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().message.find("is missing"), std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(journal.path()));
    std::filesystem::remove(journal.path() + ".acknowledged");
    EXPECT_TRUE(journal.reopen());
}

TEST_F(DamageTest, AMarkThatIsTornOrOfAnotherJournalSaysNothing) {
    JournalFile journal;
    ASSERT_TRUE(journal.write(session_write("demo")).has_value());
    journal.close();
    const std::string path = AcknowledgedMark::path_of(journal.path());
    const std::string mark = content_of(path);
    ASSERT_EQ(mark.size(), 40U);
    for (std::size_t size : {std::size_t{0}, std::size_t{20}, std::size_t{39}}) {
        set_content(path, mark.substr(0, size));
        EXPECT_TRUE(journal.reopen()) << size;
        journal.close();
    }
    {
        Result<AcknowledgedMark> other = AcknowledgedMark::open({}, journal.path());
        ASSERT_TRUE(other);
        ASSERT_TRUE(other->write({{std::byte{99}}, 1000}));
        EXPECT_EQ((*other->read())->newest, 1000);
    }
    EXPECT_TRUE(journal.reopen());
}

TEST_F(DamageTest, AHeaderThatDeniesTheChecksumsIsRefused) {
    flip("journal.db", 20 * 8 + 3); // the 8 that says how many bytes are reserved
    const Result<std::unique_ptr<SqliteJournal>> opened = open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::journal_corrupt) << opened.error().to_string();
}

TEST(PageChecksum, KnowsThePageAndItsPlace) {
    std::vector<unsigned char> page(kPageBytes, 'x');
    seal_page(page.data(), 3);
    EXPECT_TRUE(is_sealed_page(page.data(), 3));
    EXPECT_FALSE(is_sealed_page(page.data(), 4)) << "a page in another one's place";
    for (const std::size_t byte : {0U, 2000U, 4087U, 4088U, 4095U}) {
        page[byte] = static_cast<unsigned char>(page[byte] ^ 0x10U);
        EXPECT_FALSE(is_sealed_page(page.data(), 3)) << byte;
        page[byte] = static_cast<unsigned char>(page[byte] ^ 0x10U);
    }
    const std::vector<unsigned char> zeros(kPageBytes, 0);
    EXPECT_FALSE(is_sealed_page(zeros.data(), 3)) << "a page that was never written";
}

/// More than SQLite keeps in memory: pages are written to the log, read back and written again
/// within one transaction.
TEST(ChecksumVfs, ATransactionLargerThanTheCacheIsReadBackWhole) {
    JournalFile journal;
    ASSERT_TRUE(journal.write(session_write("demo")).has_value());
    Write write;
    std::vector<codec::BlobRef> refs;
    for (int i = 0; i < 3000; ++i) {
        write.blobs.push_back(
            std::string(9000, static_cast<char>('a' + i % 26)) + std::to_string(i));
        refs.push_back(codec::blob_ref(write.blobs.back()));
        write.events.push_back(make_event("demo", std::nullopt));
        write.events.back().blob_refs.push_back(refs.back());
    }
    ASSERT_TRUE(journal.write(std::move(write)).has_value());
    for (int round = 0; round < 2; ++round) {
        for (const codec::BlobRef& ref : refs)
            ASSERT_TRUE(journal->blob(ref.digest));
        ASSERT_TRUE(journal.reopen().has_value()); // by now in the database
    }
    EXPECT_EQ(raw_sql(journal.path(), "PRAGMA integrity_check"), std::vector<std::string>{"ok"});
}

} // namespace
} // namespace kheish::journal
