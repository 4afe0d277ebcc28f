#include "base/fd.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

// The fuzzer's function on its corpus, whole and in pieces of every size up to a few bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace kheish::http {
namespace {

constexpr std::size_t kFileLimitBytes = 65'536;
constexpr char kLargestPiece = 3;

TEST(HttpFuzzer, AcceptsItsCorpus) {
    const char* folder = std::getenv("KHEISH_FUZZ_CORPUS");
    ASSERT_NE(folder, nullptr);
    int files = 0;
    for (const std::filesystem::directory_entry& entry :
         std::filesystem::directory_iterator(folder)) {
        std::string input = *read_file(entry.path().string(), kFileLimitBytes);
        ASSERT_GE(input.size(), 2U) << entry.path();
        const std::uint8_t* bytes = reinterpret_cast<const std::uint8_t*>(input.data());
        EXPECT_EQ(LLVMFuzzerTestOneInput(bytes, input.size()), 0);
        for (char piece = 0; piece < kLargestPiece; ++piece) {
            input[0] = piece;
            EXPECT_EQ(LLVMFuzzerTestOneInput(bytes, input.size()), 0) << entry.path();
        }
        ++files;
    }
    EXPECT_GE(files, 10);
}

} // namespace
} // namespace kheish::http
