#pragma once

#include <string>
#include <utility>
#include <vector>

namespace kheish::sim {

/// Broken promises, in the order in which they were found.
class Violations {
  public:
    void add(std::string text) {
        if (found_.size() < kLimit)
            found_.push_back(std::move(text));
    }
    /// Notes `text` unless `holds`.
    void require(bool holds, const std::string& text) {
        if (!holds)
            add(text);
    }
    bool any() const { return !found_.empty(); }
    const std::vector<std::string>& all() const { return found_; }

  private:
    static constexpr std::size_t kLimit = 20;
    std::vector<std::string> found_;
};

} // namespace kheish::sim
