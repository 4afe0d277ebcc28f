#include "govern/secret_box.hpp"

#include "codec/digest.hpp"

#include <gtest/gtest.h>

/// Secrets as they lie on disk: for one purpose, under one key, and not a bit otherwise.
namespace kheish::govern {
namespace {

class CountingEntropy final : public Entropy {
  public:
    void fill(std::span<std::byte> bytes) override {
        for (std::byte& byte : bytes)
            byte = static_cast<std::byte>(++state_);
    }

  private:
    unsigned state_ = 0;
};

class SecretBox : public testing::Test {
  protected:
    bool opens(std::string SealedSecret::*part, const std::string& bytes) const {
        SealedSecret changed = sealed_;
        changed.*part = codec::base64_encode(bytes);
        return open(key_, "claude", changed).has_value();
    }
    /// How many ways of flipping a bit or cutting it short are not noticed.
    int opened_with_a_change_of(std::string SealedSecret::*part) const {
        const std::string bytes = *codec::base64_decode(sealed_.*part);
        int opened = 0;
        for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
            std::string flipped = bytes;
            flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
            opened += opens(part, flipped) ? 1 : 0;
        }
        for (std::size_t size = 0; size < bytes.size(); ++size)
            opened += opens(part, bytes.substr(0, size)) ? 1 : 0;
        return opened;
    }
    MasterKey new_key() { return *MasterKey::parse(MasterKey::generate(entropy_) + "\n"); }

    CountingEntropy entropy_;
    MasterKey key_ = new_key();
    SealedSecret sealed_ = *seal(key_, "claude", Secret("sk-secret"), entropy_);
};

Errc error_of(const Result<Secret>& opened) {
    return opened ? Errc::internal : opened.error().code;
}

TEST_F(SecretBox, OpensWhatWasSealedAndShowsNothingOfIt) {
    EXPECT_EQ(open(key_, "claude", sealed_)->reveal(), "sk-secret");
    for (const std::string& text : {sealed_.value, sealed_.data_key}) {
        EXPECT_EQ(text.find("sk-secret"), std::string::npos);
        EXPECT_EQ(codec::base64_decode(text)->find("secret"), std::string::npos);
        EXPECT_EQ(codec::base64_decode(text)->find(key_.bytes()), std::string::npos);
    }
    const SealedSecret again = *seal(key_, "claude", Secret("sk-secret"), entropy_);
    EXPECT_NE(again.value, sealed_.value);
    EXPECT_NE(again.data_key, sealed_.data_key);
}

TEST_F(SecretBox, IsForOnePurposeUnderOneKey) {
    EXPECT_EQ(error_of(open(key_, "another", sealed_)), Errc::journal_corrupt);
    EXPECT_EQ(error_of(open(new_key(), "claude", sealed_)), Errc::service_unavailable);
    SealedSecret renamed = sealed_;
    const MasterKey other = new_key();
    renamed.master_key = other.id();
    EXPECT_EQ(error_of(open(other, "claude", renamed)), Errc::journal_corrupt);
    // What is under the data key is not what is under the master key.
    SealedSecret swapped = sealed_;
    std::swap(swapped.value, swapped.data_key);
    EXPECT_EQ(error_of(open(key_, "claude", swapped)), Errc::journal_corrupt);
}

TEST_F(SecretBox, EveryBitCounts) {
    EXPECT_EQ(opened_with_a_change_of(&SealedSecret::value), 0);
    EXPECT_EQ(opened_with_a_change_of(&SealedSecret::data_key), 0);
}

TEST_F(SecretBox, IsRewrappedWithoutBeingSealedAnew) {
    const MasterKey next = new_key();
    const Result<SealedSecret> moved = rewrap(key_, next, "claude", sealed_, entropy_);
    ASSERT_TRUE(moved.has_value());
    EXPECT_EQ(moved->value, sealed_.value);
    EXPECT_NE(moved->data_key, sealed_.data_key);
    EXPECT_EQ(moved->master_key, next.id());
    EXPECT_EQ(open(next, "claude", *moved)->reveal(), "sk-secret");
    EXPECT_EQ(error_of(open(key_, "claude", *moved)), Errc::service_unavailable);
    EXPECT_FALSE(rewrap(next, key_, "claude", sealed_, entropy_).has_value());
}

TEST_F(SecretBox, AKeyIs32BytesInBase64AndItsIdTellsNothing) {
    const std::string text = MasterKey::generate(entropy_);
    const Result<MasterKey> key = MasterKey::parse(text);
    ASSERT_TRUE(key.has_value());
    EXPECT_EQ(key->id().size(), 32U);
    EXPECT_EQ(key->id(), MasterKey::parse(text + "\n")->id());
    EXPECT_EQ(text.find(key->id()), std::string::npos);
    for (const std::string& bad :
         {std::string(), std::string("x"), text + text, text.substr(4), std::string(44, '!')}) {
        const Result<MasterKey> refused = MasterKey::parse(bad);
        ASSERT_FALSE(refused.has_value());
        EXPECT_EQ(refused.error().code, Errc::bad_request);
        if (bad.size() > 4) {
            EXPECT_EQ(refused.error().message.find(bad.substr(0, 8)), std::string::npos);
        }
    }
}

TEST(SecretBytes, GoWhenTheyAreMovedOrTaken) {
    std::string text = "sk-secret";
    Secret secret = Secret::take(text);
    EXPECT_TRUE(text.empty());
    Secret moved = std::move(secret);
    EXPECT_EQ(moved.reveal(), "sk-secret");
    EXPECT_TRUE(secret.empty()); // NOLINT(bugprone-use-after-move): that is the point
    Secret copy = moved.copy();
    moved = Secret("other");
    EXPECT_EQ(copy.reveal(), "sk-secret");
    EXPECT_EQ(moved.reveal(), "other");
}

} // namespace
} // namespace kheish::govern
