#include "base/entropy.hpp"

#include "base/assert.hpp"
#include "base/text.hpp"

#include <cerrno>
#include <vector>

#include <sys/random.h>

namespace kheish {

std::string Entropy::hex(std::size_t byte_count) {
    std::vector<std::byte> bytes(byte_count);
    fill(bytes);
    return to_hex(bytes);
}

void SystemEntropy::fill(std::span<std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::getrandom(bytes.data(), bytes.size(), 0);
        if (count < 0) {
            KHEISH_ASSERT(errno == EINTR); // the kernel documents no other failure for flags 0
            continue;
        }
        bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
}

} // namespace kheish
