#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kheish {

/// Bytes that nobody is to see. They are wiped when it goes, are copied by name only, and nothing
/// prints them.
class Secret {
  public:
    Secret() = default;
    explicit Secret(std::string_view bytes) : bytes_(bytes.begin(), bytes.end()) {}
    /// Takes the bytes out of `text`, which is wiped.
    static Secret take(std::string& text);
    ~Secret() { wipe(); }
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)) { other.bytes_.clear(); }
    Secret& operator=(Secret&& other) noexcept;

    Secret copy() const { return Secret(reveal()); }
    /// For whoever has to put it on the wire or into a cipher.
    std::string_view reveal() const { return {bytes_.data(), bytes_.size()}; }
    bool empty() const { return bytes_.empty(); }

  private:
    void wipe();

    std::vector<char> bytes_; // a vector, so that moving leaves no copy behind
};

/// Overwrites what `text` holds.
void wipe(std::string& text);

} // namespace kheish
