#pragma once

#include "base/assert.hpp"
#include "config/settings.hpp"

#include <filesystem>
#include <fstream>
#include <string>

#include <stdlib.h>

namespace kheish::config {

/// A vendor and a local configuration directory of a test's own, removed at the end.
class ScratchDirectories {
  public:
    ScratchDirectories() {
        std::string pattern =
            std::filesystem::temp_directory_path().string() + "/kheish-config-XXXXXX";
        KHEISH_ASSERT(mkdtemp(pattern.data()) != nullptr);
        root_ = pattern;
        directories_ = {.vendor = root_ + "/vendor", .local = root_ + "/local"};
    }
    ~ScratchDirectories() { std::filesystem::remove_all(root_); }
    ScratchDirectories(const ScratchDirectories&) = delete;
    ScratchDirectories& operator=(const ScratchDirectories&) = delete;

    /// `name` is relative to both: "local/routes.toml".
    void write(const std::string& name, const std::string& text) {
        const std::filesystem::path path = root_ + "/" + name;
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path) << text;
    }
    const std::string& root() const { return root_; }
    const Directories& directories() const { return directories_; }

  private:
    std::string root_;
    Directories directories_;
};

} // namespace kheish::config
