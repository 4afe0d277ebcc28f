#include "govern/key_epochs.hpp"

#include "codec/digest.hpp"

#include <gtest/gtest.h>

#include <array>

namespace kheish::govern {
namespace {

const std::string kName = "kheish/journal/00";

SigningKey a_key(const std::string& name = kName) {
    return *SigningKey::generate(name);
}

Checkpoint log_of(std::uint64_t size) {
    return {kName, size, leaf_hash(std::to_string(size))};
}

TEST(KeyEpochs, AreNotesOfTheirForm) {
    const SigningKey first = a_key();
    const SigningKey second = a_key();
    KeyEpochs epochs(kName);
    EXPECT_EQ(epochs.newest(), nullptr);
    ASSERT_TRUE(epochs.begin(log_of(3), first, nullptr));
    const std::string note = epochs.newest_note();
    const std::string root(bytes_of(log_of(3).root));
    EXPECT_TRUE(note.starts_with(
        kName + "\n3\n" + codec::base64_encode(root) + "\nkey-epoch 1 " +
        first.verifying_key().to_text() + "\n\n\u2014 " + kName + " "))
        << note;
    ASSERT_TRUE(epochs.begin(log_of(5), second, &first));
    EXPECT_NE(
        epochs.newest_note().find(
            "\nkey-epoch 2 " + second.verifying_key().to_text() + "\nformer-epoch " +
            codec::sha256(note).to_hex() + " signed\n\n"),
        std::string::npos);
    // Anybody's reader of signed notes believes both signatures.
    const SignedNote parsed = *parse_note(epochs.newest_note());
    EXPECT_EQ(check_signatures(parsed, first.verifying_key()), SignatureState::valid);
    EXPECT_EQ(check_signatures(parsed, second.verifying_key()), SignatureState::valid);
    EXPECT_EQ(check_signatures(parsed, a_key().verifying_key()), SignatureState::absent);
    // It is no checkpoint by itself, so that none can stand in the place of one.
    EXPECT_FALSE(read_checkpoint(note, first.verifying_key()));
    const Result<KeyEpochs> again = KeyEpochs::parse(epochs.text(), kName);
    ASSERT_TRUE(again) << again.error().to_string();
    EXPECT_EQ(again->all().size(), 2U);
    EXPECT_EQ(again->text(), epochs.text());
    EXPECT_FALSE(KeyEpochs::parse(epochs.text(), "another"));
}

TEST(KeyEpochs, OfWhichABitIsChangedAreNotBelieved) {
    const SigningKey first = a_key();
    KeyEpochs epochs(kName);
    std::array<std::size_t, 2> ends{};
    ASSERT_TRUE(epochs.begin(log_of(3), first, nullptr));
    ends[0] = epochs.text().size();
    ASSERT_TRUE(epochs.begin(log_of(3), a_key(), &first));
    ends[1] = epochs.text().size();
    ASSERT_TRUE(epochs.begin(log_of(4), a_key(), nullptr));
    const std::string text = epochs.text();
    for (std::size_t i = 0; i < text.size(); ++i) {
        for (int bit = 0; bit < 8; ++bit) {
            std::string changed = text;
            changed[i] = static_cast<char>(changed[i] ^ (1 << bit));
            EXPECT_FALSE(KeyEpochs::parse(changed, kName)) << i << " " << bit;
        }
        // Only a cut between two notes is a record, a shorter one.
        const bool is_between = i == 0 || i == ends[0] || i == ends[1];
        EXPECT_EQ(KeyEpochs::parse(text.substr(0, i), kName).has_value(), is_between) << i;
    }
}

TEST(KeyEpochs, WhatCannotBeginIsRefusedByName) {
    const SigningKey first = a_key();
    const SigningKey second = a_key();
    KeyEpochs epochs(kName);
    const auto why = [&epochs](Checkpoint now, const SigningKey& key, const SigningKey* former) {
        const Status begun = epochs.begin(std::move(now), key, former);
        return begun ? "" : begun.error().message;
    };
    EXPECT_EQ(why({"another", 3, {}}, first, nullptr), "epoch 1 of the key is of another log");
    EXPECT_EQ(why(log_of(3), a_key("another"), nullptr), "epoch 1 of the key is of another log");
    EXPECT_EQ(why(log_of(3), first, nullptr), "");
    EXPECT_EQ(
        why(log_of(2), second, &first),
        "epoch 2 of the key begins with a log of 2 records, the one before with 3");
    EXPECT_EQ(
        why(log_of(3), first, &first),
        "epoch 2 of the key is of the key that has signed before it");
    EXPECT_EQ(why(log_of(3), second, &second), "epoch 2 of the key is not signed as it says");
    EXPECT_EQ(why(log_of(3), second, &first), "");
    EXPECT_EQ(
        why(log_of(3), first, &second), "epoch 3 of the key is of a key that has handed over");
}

TEST(KeyEpochs, HaveALimit) {
    KeyEpochs epochs(kName);
    for (std::size_t i = 0; i < kKeyEpochLimit; ++i)
        ASSERT_TRUE(epochs.begin(log_of(i), a_key(), nullptr)) << i;
    EXPECT_LT(epochs.text().size(), kKeyEpochsLimitBytes);
    const Status begun = epochs.begin(log_of(kKeyEpochLimit), a_key(), nullptr);
    ASSERT_FALSE(begun);
    EXPECT_EQ(begun.error().message, "epoch 1001 of the key is one too many: 1000 may be");
}

} // namespace
} // namespace kheish::govern
