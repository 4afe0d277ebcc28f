#include "upkeep/audit_keys.hpp"

#include "support.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

/// How many times rename(2) and fsync(2) may still begin or end before this process is gone.
int steps_left = -1;
constexpr int kGone = 99;

void step() {
    if (steps_left == 0)
        _exit(kGone);
    if (steps_left > 0)
        --steps_left;
}

} // namespace

// In place of the library's, so that the power fails around each of them.
extern "C" int rename(const char* from, const char* to) noexcept {
    step();
    const int renamed = ::renameat(AT_FDCWD, from, AT_FDCWD, to);
    step();
    return renamed;
}

extern "C" int fsync(int fd) {
    step();
    const int synced = ::fdatasync(fd);
    step();
    return synced;
}

namespace kheish::upkeep {
namespace {

using govern::Checkpoint;
using govern::SigningKey;

const std::string kOrigin = "kheish/journal/00";

class AuditKeysTest : public testing::Test {
  protected:
    AuditKeys open() {
        Result<AuditKeys> keys = AuditKeys::open(directory_.path(), kOrigin);
        EXPECT_TRUE(keys) << keys.error().to_string();
        return *std::move(keys);
    }
    AuditKeys::LogNow now() {
        return [this]() -> Result<Checkpoint> {
            return Checkpoint{kOrigin, size_, govern::leaf_hash(std::to_string(size_))};
        };
    }
    std::string file(const std::string& name) {
        return read_file(directory_.file(name), 1 << 20).value_or("");
    }
    void write(const std::string& name, const std::string& text) {
        const Fd fd(
            ::open(directory_.file(name).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        ASSERT_TRUE(write_all(fd.get(), text));
    }
    SigningKey key_in_directory() { return *SigningKey::parse(trimmed(file("audit-signing.key"))); }
    static std::string trimmed(std::string text) {
        text.pop_back();
        return text;
    }
    static SigningKey a_key() { return *SigningKey::generate(kOrigin); }
    /// What `work` leaves behind when it is ended at its `steps`-th step; whether it was.
    template <class Work>
    bool is_ended_at(int steps, Work work) {
        const pid_t child = ::fork();
        if (child == 0) {
            steps_left = steps;
            _exit(work() ? EXIT_SUCCESS : EXIT_FAILURE);
        }
        int status = 0;
        EXPECT_EQ(::waitpid(child, &status, 0), child);
        EXPECT_TRUE(WIFEXITED(status));
        EXPECT_NE(WEXITSTATUS(status), EXIT_FAILURE) << steps;
        return WEXITSTATUS(status) == kGone;
    }

    journal::TemporaryDirectory directory_;
    std::uint64_t size_ = 7;
};

TEST_F(AuditKeysTest, TheFirstUseBeginsTheFirstEpoch) {
    AuditKeys keys = open();
    const SigningKey key = *keys.find("");
    EXPECT_EQ(keys.epochs().newest(), nullptr) << "to look at it is no use";
    const Result<SigningKey> signing = keys.find_to_sign("", now());
    ASSERT_TRUE(signing) << signing.error().to_string();
    EXPECT_EQ(signing->verifying_key(), key.verifying_key());
    ASSERT_EQ(keys.epochs().all().size(), 1U);
    EXPECT_EQ(keys.epochs().newest()->start.size, 7U);
    EXPECT_FALSE(keys.epochs().newest()->is_handed_over);
    const std::string on_record = file("audit-key-epochs");
    EXPECT_EQ(on_record, keys.epochs().text());
    struct stat status {};
    ASSERT_EQ(::stat(directory_.file("audit-key-epochs").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0600U);
    size_ = 9;
    EXPECT_TRUE(keys.find_to_sign("", now()));
    EXPECT_EQ(file("audit-key-epochs"), on_record) << "no other key, no other epoch";
}

TEST_F(AuditKeysTest, AChangeIsSignedByBothAndTheFormerKeyIsGone) {
    AuditKeys keys = open();
    const SigningKey former = *keys.find_to_sign("", now());
    size_ = 9;
    const Result<SigningKey> next = keys.rotate({}, false, now());
    ASSERT_TRUE(next) << next.error().to_string();
    EXPECT_EQ(key_in_directory().verifying_key(), next->verifying_key());
    EXPECT_EQ(*keys.epochs().follow(former.verifying_key()), next->verifying_key());
    EXPECT_TRUE(keys.epochs().newest()->is_handed_over);
    EXPECT_EQ(keys.epochs().newest()->start.size, 9U);
    // What it has handed over it does not take back.
    const Result<SigningKey> again = keys.find_to_sign(former.to_text(), now());
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, Errc::conflict);
    EXPECT_NE(again.error().message.find("has handed over"), std::string::npos);
    for (const auto& entry : {"audit-signing.key.next", "audit-signing.key.partial"})
        EXPECT_EQ(::access(directory_.file(entry).c_str(), F_OK), -1) << entry;
}

TEST_F(AuditKeysTest, AKeyFromBeforeThereWereEpochsHandsOverToo) {
    const SigningKey old = a_key();
    write("audit-signing.key", old.to_text() + "\n");
    AuditKeys keys = open();
    const SigningKey next = *keys.rotate({}, false, now());
    EXPECT_EQ(keys.epochs().all().size(), 2U);
    EXPECT_EQ(*keys.epochs().follow(old.verifying_key()), next.verifying_key());
}

TEST_F(AuditKeysTest, AKeyThatIsGivenIsHandedOverToByTheOneThatIsThere) {
    AuditKeys keys = open();
    const SigningKey former = *keys.find_to_sign("", now());
    const SigningKey given = a_key();
    ASSERT_TRUE(keys.find_to_sign(given.to_text() + "\n", now()));
    EXPECT_EQ(*keys.epochs().follow(former.verifying_key()), given.verifying_key());
    // A third, of which nobody here holds the former.
    const SigningKey third = a_key();
    ASSERT_TRUE(keys.find_to_sign(third.to_text(), now()));
    EXPECT_FALSE(keys.epochs().newest()->is_handed_over);
    EXPECT_FALSE(keys.epochs().follow(former.verifying_key()));
    EXPECT_FALSE(keys.find_to_sign(SigningKey::generate("another")->to_text(), now()));
    EXPECT_EQ(keys.epochs().all().size(), 3U);
}

TEST_F(AuditKeysTest, CredentialsAreChangedByName) {
    const SigningKey first = a_key();
    const SigningKey second = a_key();
    AuditKeys keys = open();
    ASSERT_TRUE(keys.find_to_sign(first.to_text(), now()));
    const Result<SigningKey> unnamed =
        keys.rotate({.current = first.to_text(), .next = {}}, false, now());
    ASSERT_FALSE(unnamed);
    EXPECT_NE(unnamed.error().message.find("--next-signing-key"), std::string::npos);
    const Result<SigningKey> wrong =
        keys.rotate({.current = second.to_text(), .next = a_key().to_text()}, false, now());
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().code, Errc::conflict);
    EXPECT_EQ(keys.epochs().all().size(), 1U);
    ASSERT_TRUE(keys.rotate({.current = first.to_text(), .next = second.to_text()}, false, now()));
    EXPECT_EQ(*keys.epochs().follow(first.verifying_key()), second.verifying_key());
    EXPECT_EQ(file("audit-signing.key"), "") << "no key of the state directory";
}

TEST_F(AuditKeysTest, AKeyThatIsLostIsReplacedOnlyWhereThatIsSaid) {
    AuditKeys keys = open();
    const SigningKey lost = *keys.find_to_sign("", now());
    ASSERT_EQ(::unlink(directory_.file("audit-signing.key").c_str()), 0);
    const Result<SigningKey> none = keys.find_to_sign("", now());
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, Errc::not_found);
    EXPECT_NE(none.error().message.find(lost.verifying_key().label()), std::string::npos);
    EXPECT_EQ(file("audit-signing.key"), "") << "none is made by the way";
    EXPECT_EQ(keys.rotate({}, false, now()).error().code, Errc::conflict);
    const Result<SigningKey> next = keys.rotate({}, true, now());
    ASSERT_TRUE(next) << next.error().to_string();
    EXPECT_FALSE(keys.epochs().newest()->is_handed_over);
    EXPECT_NE(
        keys.epochs().follow(lost.verifying_key()).error().message.find("without the signature"),
        std::string::npos);
}

TEST_F(AuditKeysTest, ARecordOfEpochsThatWasTamperedWithIsNotGoneOnWith) {
    {
        AuditKeys keys = open();
        ASSERT_TRUE(keys.find_to_sign("", now()));
        ASSERT_TRUE(keys.rotate({}, false, now()));
    }
    const std::string whole = file("audit-key-epochs");
    for (std::size_t i = 0; i < whole.size(); ++i) {
        std::string changed = whole;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        write("audit-key-epochs", changed);
        const Result<AuditKeys> keys = AuditKeys::open(directory_.path(), kOrigin);
        ASSERT_FALSE(keys) << i;
        EXPECT_EQ(keys.error().code, Errc::journal_corrupt);
    }
}

TEST_F(AuditKeysTest, AnEndAtAnyStepOfAChangeLeavesAKeyAndItsEpoch) {
    int ends = 0;
    int taken_back = 0;
    for (bool is_ended = true; is_ended; ++ends) {
        const SigningKey former = [this] {
            AuditKeys keys = open();
            return *keys.find_to_sign("", now());
        }();
        const std::size_t epochs_before = open().epochs().all().size();
        ++size_;
        is_ended =
            is_ended_at(ends, [this] { return open().rotate({}, false, now()).has_value(); });
        // Whatever is there: who comes next signs with the newest epoch's key, and nothing is lost.
        AuditKeys keys = open();
        const std::size_t epochs_after = keys.epochs().all().size();
        const Result<SigningKey> signing = keys.find_to_sign("", now());
        ASSERT_TRUE(signing) << ends << ": " << signing.error().to_string();
        EXPECT_EQ(keys.epochs().newest()->key, signing->verifying_key()) << ends;
        EXPECT_EQ(keys.epochs().all().size(), epochs_after) << "no epoch for the sake of repair";
        EXPECT_EQ(key_in_directory().verifying_key(), signing->verifying_key()) << ends;
        EXPECT_EQ(*keys.epochs().follow(former.verifying_key()), signing->verifying_key());
        const bool has_changed = signing->verifying_key() != former.verifying_key();
        EXPECT_EQ(epochs_after, epochs_before + (has_changed ? 1 : 0)) << ends;
        EXPECT_TRUE(has_changed || is_ended);
        taken_back += has_changed ? 0 : 1;
    }
    EXPECT_GT(taken_back, 0);
    EXPECT_LT(taken_back, ends - 1) << "some ends come after the epoch has begun";
    std::cout << ends - 1 << " ends of a change, " << taken_back
              << " before its epoch, all recovered\n";
}

TEST_F(AuditKeysTest, AnEndAtAnyStepOfTheFirstUseIsRecovered) {
    int ends = 0;
    for (bool is_ended = true; is_ended; ++ends) {
        for (const char* name : {"audit-signing.key", "audit-key-epochs"})
            (void)::unlink(directory_.file(name).c_str()); // not there the first time
        is_ended = is_ended_at(ends, [this] { return open().find_to_sign("", now()).has_value(); });
        AuditKeys keys = open();
        const Result<SigningKey> key = keys.find_to_sign("", now());
        ASSERT_TRUE(key) << ends << ": " << key.error().to_string();
        EXPECT_EQ(keys.epochs().all().size(), 1U);
        EXPECT_EQ(keys.epochs().newest()->key, key->verifying_key());
    }
    std::cout << ends - 1 << " ends of the first use, all recovered\n";
}

} // namespace
} // namespace kheish::upkeep
