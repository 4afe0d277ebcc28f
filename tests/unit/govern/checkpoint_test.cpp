#include "govern/checkpoint.hpp"

#include "codec/digest.hpp"

#include <gtest/gtest.h>

namespace kheish::govern {
namespace {

const std::string kName = "kheish/journal/00";

SigningKey some_key(const std::string& name = kName) {
    return *SigningKey::generate(name);
}

std::string from_hex(std::string_view hex) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes.push_back(static_cast<char>(kDigits.find(hex[i]) * 16 + kDigits.find(hex[i + 1])));
    return bytes;
}

TEST(SigningKeys, SignAsRfc8032Says) {
    // Its second test.
    const std::string seed =
        from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
    const std::string shown =
        from_hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    const VerifyingKey verifying(kName, shown);
    const std::string text = verifying.to_text();
    const std::string id = text.substr(kName.size() + 1, 8);
    const Result<SigningKey> key = SigningKey::parse(
        "PRIVATE+KEY+" + kName + "+" + id + "+" + codec::base64_encode("\1" + seed + shown));
    ASSERT_TRUE(key.has_value()) << key.error().to_string();
    EXPECT_EQ(
        *key->sign("\x72"),
        from_hex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                 "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"));
}

TEST(SigningKeys, AreWrittenAndReadAgain) {
    const SigningKey key = some_key();
    const Result<SigningKey> again = SigningKey::parse(key.to_text());
    ASSERT_TRUE(again.has_value());
    const Result<VerifyingKey> shown = VerifyingKey::parse(key.verifying_key().to_text());
    ASSERT_TRUE(shown.has_value());
    EXPECT_TRUE(shown->verify("data", *again->sign("data")));
    EXPECT_FALSE(shown->verify("date", *again->sign("data")));
    EXPECT_FALSE(shown->verify("data", ""));
    EXPECT_EQ(shown->to_text().find("PRIVATE"), std::string::npos);
}

TEST(SigningKeys, ThatAreNoneAreRefused) {
    const std::string shown = some_key().verifying_key().to_text();
    const std::string secret = some_key().to_text();
    for (std::size_t i = 0; i < shown.size(); ++i) {
        std::string changed = shown;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        EXPECT_FALSE(VerifyingKey::parse(changed).has_value()) << changed;
        EXPECT_FALSE(VerifyingKey::parse(shown.substr(0, i)).has_value()) << i;
    }
    for (std::size_t i = 0; i < secret.size(); ++i) {
        std::string changed = secret;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        EXPECT_FALSE(SigningKey::parse(changed).has_value()) << i;
    }
    EXPECT_FALSE(SigningKey::generate("two words").has_value());
    EXPECT_FALSE(SigningKey::generate("").has_value());
}

TEST(Checkpoints, AreNotesOfTheirForm) {
    const SigningKey key = some_key();
    const Checkpoint checkpoint{kName, 7, leaf_hash("x")};
    const std::string note = *sign_checkpoint(checkpoint, key);
    EXPECT_TRUE(note.starts_with(
        kName + "\n7\n" +
        codec::base64_encode(
            std::string_view(reinterpret_cast<const char*>(checkpoint.root.bytes.data()), 32)) +
        "\n\n\u2014 " + kName + " "))
        << note;
    EXPECT_EQ(*read_checkpoint(note, key.verifying_key()), checkpoint);
    EXPECT_FALSE(sign_checkpoint({"another", 7, {}}, key).has_value());
}

TEST(Checkpoints, OfWhichABitIsChangedAreNotBelieved) {
    const SigningKey key = some_key();
    const std::string note = *sign_checkpoint({kName, 7, leaf_hash("x")}, key);
    const VerifyingKey shown = key.verifying_key();
    for (std::size_t i = 0; i < note.size(); ++i) {
        for (int bit = 0; bit < 8; ++bit) {
            std::string changed = note;
            changed[i] = static_cast<char>(changed[i] ^ (1 << bit));
            EXPECT_FALSE(read_checkpoint(changed, shown).has_value()) << i << " " << bit;
        }
        EXPECT_FALSE(read_checkpoint(note.substr(0, i), shown).has_value()) << i;
    }
    EXPECT_FALSE(read_checkpoint(note, some_key().verifying_key()).has_value());
}

TEST(Checkpoints, SignaturesOfOthersArePassedOver) {
    const SigningKey key = some_key();
    const std::string note = *sign_checkpoint({kName, 7, leaf_hash("x")}, key);
    const SigningKey witness = some_key("witness");
    const std::string text = note.substr(0, note.find("\n\n") + 1);
    const std::string line =
        "\u2014 witness " +
        codec::base64_encode(witness.verifying_key().id() + *witness.sign(text)) + "\n";
    EXPECT_TRUE(read_checkpoint(note + line, key.verifying_key()).has_value());
    EXPECT_FALSE(read_checkpoint(note + "more\n", key.verifying_key()).has_value());
    EXPECT_FALSE(read_checkpoint(text + "\n" + line, key.verifying_key()).has_value());
}

} // namespace
} // namespace kheish::govern
