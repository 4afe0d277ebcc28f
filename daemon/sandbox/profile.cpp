#include "sandbox/profile.hpp"

#include "base/text.hpp"
#include "sandbox/settings.hpp"

namespace kheish::sandbox {

namespace {

constexpr std::uint64_t kMinimumTmpSizeBytes = 1 << 20;
constexpr std::uint64_t kMaximumTmpSizeBytes = std::uint64_t{1} << 40;

bool is_plain_absolute_path(std::string_view path) {
    // A colon separates paths in the runner's environment.
    return path.size() > 1 && path.front() == '/' && path.back() != '/' &&
           path.find(':') == std::string_view::npos && path.find("//") == std::string_view::npos &&
           (std::string(path) + "/").find("/../") == std::string::npos &&
           (std::string(path) + "/").find("/./") == std::string::npos;
}

tl::unexpected<Error> bad_setting(const Setting& setting, const std::string& what) {
    return fail(
        Errc::invalid_configuration,
        "line " + std::to_string(setting.line) + ": " + setting.key + " " + what);
}

Status apply(const Setting& setting, Profile& profile) {
    if (setting.key == "network") {
        KHEISH_TRY(profile.network, parse_switch(setting));
    } else if (setting.key == "hostname") {
        if (!is_label(setting.value))
            return bad_setting(setting, "must be letters, digits and - only");
        profile.hostname = setting.value;
    } else if (setting.key == "read_only") {
        if (!is_plain_absolute_path(setting.value))
            return bad_setting(setting, "must be an absolute path without . or .. or :");
        if (profile.read_only_paths.size() >= kProfileReadOnlyPathsLimit)
            return bad_setting(setting, "is given too often");
        profile.read_only_paths.push_back(setting.value);
    } else if (setting.key == "tmp_size_bytes") {
        KHEISH_TRY(
            profile.tmp_size_bytes,
            parse_amount(setting, kMinimumTmpSizeBytes, kMaximumTmpSizeBytes));
    } else {
        return bad_setting(setting, "is no setting of a profile");
    }
    return {};
}

} // namespace

Status check_profile_name(std::string_view name) {
    if (!is_label(name))
        return fail(
            Errc::invalid_argument,
            "a profile name has 1 to 63 lower-case letters, digits and -, a letter first");
    return {};
}

Result<Profile> parse_profile(std::string_view name, std::string_view text) {
    KHEISH_CHECK(check_profile_name(name));
    KHEISH_TRY(const std::vector<Setting> settings, parse_settings(text));
    Profile profile;
    profile.name = std::string(name);
    for (const Setting& setting : settings)
        KHEISH_CHECK(apply(setting, profile));
    return profile;
}

Result<Profile>
load_profile(std::string_view name, std::span<const std::string_view> directories, uid_t owner) {
    KHEISH_CHECK(check_profile_name(name));
    for (auto directory = directories.rbegin(); directory != directories.rend(); ++directory) {
        const std::string path = std::string(*directory) + "/" + std::string(name) + ".conf";
        Result<std::string> text = read_owned_file(path, owner);
        if (!text && text.error().code == Errc::not_found)
            continue;
        if (!text)
            return fail(std::move(text).error());
        Result<Profile> profile = parse_profile(name, *text);
        if (!profile)
            return fail(std::move(profile).error().wrap(path));
        return profile;
    }
    if (name == "default")
        return parse_profile(name, "");
    if (name == "network")
        return parse_profile(name, "network = yes");
    return fail(Errc::not_found, "no sandbox profile is called \"" + std::string(name) + "\"");
}

} // namespace kheish::sandbox
