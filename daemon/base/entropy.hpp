#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace kheish {

/// The only source of random bytes above base/. The simulator supplies its own, from its seed.
class Entropy {
  public:
    Entropy() = default;
    Entropy(const Entropy&) = delete;
    Entropy& operator=(const Entropy&) = delete;
    virtual ~Entropy() = default;

    virtual void fill(std::span<std::byte> bytes) = 0;
    /// `byte_count` random bytes as lower-case hexadecimal.
    std::string hex(std::size_t byte_count);
};

/// getrandom(2).
class SystemEntropy final : public Entropy {
  public:
    void fill(std::span<std::byte> bytes) override;
};

} // namespace kheish
