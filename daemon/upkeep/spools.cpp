#include "upkeep/spools.hpp"

#include <filesystem>
#include <system_error>

namespace kheish::upkeep {

Result<SpoolsRemoved> remove_spools(const std::string& directory, const std::vector<RunId>& runs) {
    namespace fs = std::filesystem;
    SpoolsRemoved removed;
    for (const RunId run : runs) {
        const fs::path folder = fs::path(directory) / run.to_string();
        std::error_code error;
        if (!fs::exists(folder, error))
            continue;
        for (fs::directory_iterator entry(folder, error); !error && entry != fs::end(entry);
             entry.increment(error)) {
            removed.bytes += static_cast<std::int64_t>(entry->file_size(error));
            ++removed.files;
        }
        if (!error)
            fs::remove_all(folder, error);
        if (error)
            return fail_errno("removing " + folder.string(), error.value());
    }
    return removed;
}

} // namespace kheish::upkeep
