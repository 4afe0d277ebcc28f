#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace kheish::sandbox {

inline constexpr std::size_t kProfileReadOnlyPathsLimit = 64;
inline constexpr std::uint64_t kDefaultTmpSizeBytes = std::uint64_t{1} << 30;

/// What a run's sandbox allows. Chosen by name; its content comes from root alone.
struct Profile {
    std::string name;
    bool network = false; ///< the host's network instead of an empty one
    std::string hostname = "kheish";
    /// Shown read-only beside the system; a path that the host lacks is left out.
    std::vector<std::string> read_only_paths;
    /// Bound of each of the private /tmp and /var/tmp.
    std::uint64_t tmp_size_bytes = kDefaultTmpSizeBytes;

    friend bool operator==(const Profile&, const Profile&) = default;
};

/// Where administrators (last, wins) and packages (first) put `<name>.conf`.
inline constexpr std::string_view kProfileDirectories[] = {
    "/usr/lib/kheish/profiles.d", "/etc/kheish/profiles.d"};

/// 1 to 63 characters of [a-z0-9-], a letter first; anything else is Errc::invalid_argument.
Status check_profile_name(std::string_view name);

/// Reads `network = yes|no`, `hostname = NAME`, `read_only = /PATH` (may repeat) and
/// `tmp_size_bytes = N`; an unknown key or a bad value is Errc::invalid_configuration.
Result<Profile> parse_profile(std::string_view name, std::string_view text);

/// The profile `name` from the last of `directories` that has `<name>.conf`; files must belong to
/// `owner` and be writable by it only. The names "default" (no network) and "network" are built
/// in. An unknown name is Errc::not_found.
Result<Profile>
load_profile(std::string_view name, std::span<const std::string_view> directories, uid_t owner);

} // namespace kheish::sandbox
