#include "govern/path_pattern.hpp"

#include <gtest/gtest.h>

namespace kheish::govern {
namespace {

TEST(PathPattern, MatchesSegmentBySegment) {
    for (const auto& [pattern, path] :
         {std::pair("a", "a"),
          {"a/b", "a/b"},
          {"a/b", "./a//b/"},
          {"*", "a"},
          {"*.c", "x.c"},
          {"a?c", "abc"},
          {"**", "."},
          {"**", "a/b/c"},
          {"**/*.pem", "k.pem"},
          {"**/*.pem", "a/b/k.pem"},
          {"src/**", "src"},
          {"src/**", "src/a/b"},
          {"src/**/x", "src/x"},
          {"src/**/x", "src/a/b/x"},
          {"**/a/**/b", "q/a/r/s/b"},
          {"*a*b*", "xaybz"},
          {"*", "*"},
          {"[a]", "[a]"}})
        EXPECT_TRUE(matches_path(pattern, path)) << pattern << " " << path;
    for (const auto& [pattern, path] :
         {std::pair("a", "b"),
          {"a", "a/b"},
          {"a/b", "a"},
          {"*", "a/b"},
          {"*.c", "a/x.c"},
          {"a?c", "ac"},
          {"src/**", "srcs/a"},
          {"src/**", "a/src/b"},
          {"**/*.pem", "k.pem/a"},
          {"src/*/x", "src/x"},
          {"src/*/x", "src/a/b/x"},
          {"A", "a"},
          {"*a", "b"}})
        EXPECT_FALSE(matches_path(pattern, path)) << pattern << " " << path;
}

TEST(PathPattern, ASearchLooksAtWhatLiesBelow) {
    for (const auto& [pattern, directory] :
         {std::pair("secrets/**", "."),
          {"secrets/**", "secrets"},
          {"secrets/**", "secrets/a"},
          {"**/*.pem", "a/b"},
          {"a/b/c", "a"},
          {"a/b/c", "a/b"},
          {"a/b/c", "a/b/c"}})
        EXPECT_TRUE(may_match_below(pattern, directory)) << pattern << " " << directory;
    for (const auto& [pattern, directory] :
         {std::pair("secrets/**", "src"), {"a/b/c", "b"}, {"a/b/c", "a/c"}, {"a", "a/b"}})
        EXPECT_FALSE(may_match_below(pattern, directory)) << pattern << " " << directory;
}

TEST(PathPattern, ManyStarsAreQuick) {
    std::string pattern;
    std::string path;
    for (int i = 0; i < 100; ++i) {
        pattern += i == 0 ? "**" : "/**";
        path += "aaaaaaaaaa/";
    }
    EXPECT_FALSE(matches_path(pattern + "/b", path));
    EXPECT_FALSE(matches_path(std::string(500, '*') + "b", std::string(4000, 'a')));
}

TEST(PathPattern, BadOnesAreRefused) {
    for (const char* good : {"a", "src/**", "**/*.c", "a/..b/c", "*"})
        EXPECT_TRUE(check_path_pattern(good)) << good;
    for (const char* bad : {"", "/etc/**", "../a", "a/../b", "./a", "a/."})
        EXPECT_EQ(check_path_pattern(bad).error().code, Errc::bad_request) << bad;
    EXPECT_FALSE(check_path_pattern(std::string(kPathPatternLimitBytes + 1, 'a')));
}

} // namespace
} // namespace kheish::govern
