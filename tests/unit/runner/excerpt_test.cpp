#include "runner/excerpt.hpp"

#include "base/text.hpp"

#include <gtest/gtest.h>

#include <random>

namespace kheish::runner {
namespace {

TEST(Excerpt, ShortOutputIsWhole) {
    Excerpt excerpt(100);
    EXPECT_EQ(excerpt.text().text, "");
    excerpt.append("hello ");
    excerpt.append("w\u00f6rld\n");
    EXPECT_EQ(excerpt.text().text, "hello w\u00f6rld\n");
    EXPECT_FALSE(excerpt.text().truncated);
    EXPECT_EQ(excerpt.total_bytes(), 13);
}

TEST(Excerpt, LongOutputKeepsBothEnds) {
    Excerpt excerpt(20);
    for (int i = 0; i < 100; ++i)
        excerpt.append("0123456789");
    const Excerpt::Text shown = excerpt.text();
    EXPECT_TRUE(shown.truncated);
    EXPECT_EQ(
        shown.text,
        "0123456789\n[... the middle of 1000 bytes of output is left out here; narrow the command "
        "to see it ...]\n0123456789");
}

TEST(Excerpt, ExactlyTheLimitIsWhole) {
    Excerpt excerpt(20);
    excerpt.append("01234567890123456789");
    EXPECT_FALSE(excerpt.text().truncated);
    excerpt.append("x");
    EXPECT_TRUE(excerpt.text().truncated);
}

TEST(Excerpt, CutsBetweenCharacters) {
    for (std::size_t limit = 8; limit < 24; ++limit) {
        Excerpt excerpt(limit);
        for (int i = 0; i < 50; ++i)
            excerpt.append("\u20ac"); // three bytes
        const Excerpt::Text shown = excerpt.text();
        EXPECT_EQ(shown.text.find("\uFFFD"), std::string::npos) << limit;
        EXPECT_TRUE(is_valid_utf8(shown.text));
    }
}

TEST(Excerpt, AnyBytesInAnyPartsStayWithinTheBound) {
    std::mt19937 random(7); // NOLINT(cert-msc51-cpp): the same bytes every time
    for (int round = 0; round < 300; ++round) {
        const std::size_t limit = 2 + random() % 200;
        Excerpt excerpt(limit);
        std::int64_t total = 0;
        for (int part = 0; part < 20; ++part) {
            std::string bytes(random() % 60, '\0');
            for (char& byte : bytes)
                byte = static_cast<char>(random());
            total += static_cast<std::int64_t>(bytes.size());
            excerpt.append(bytes);
        }
        const Excerpt::Text shown = excerpt.text();
        EXPECT_EQ(excerpt.total_bytes(), total);
        EXPECT_LE(shown.text.size(), limit + kExcerptNoteBytes);
        EXPECT_TRUE(is_valid_utf8(shown.text));
    }
}

} // namespace
} // namespace kheish::runner
