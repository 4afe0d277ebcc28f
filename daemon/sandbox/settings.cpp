#include "sandbox/settings.hpp"

#include "base/fd.hpp"
#include "base/text.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>

namespace kheish::sandbox {

namespace {

std::string_view trim(std::string_view text) {
    constexpr std::string_view kSpace = " \t\r";
    const std::size_t first = text.find_first_not_of(kSpace);
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

tl::unexpected<Error> bad_line(int line, const std::string& what) {
    return fail(Errc::invalid_configuration, "line " + std::to_string(line) + ": " + what);
}

} // namespace

Result<std::vector<Setting>> parse_settings(std::string_view text) {
    if (text.find('\0') != std::string_view::npos)
        return fail(Errc::invalid_configuration, "the file holds a NUL byte");
    std::vector<Setting> settings;
    for (int line = 1; !text.empty(); ++line) {
        const std::size_t end = text.find('\n');
        const std::string_view content = trim(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (content.empty() || content.front() == '#')
            continue;
        const std::size_t equals = content.find('=');
        if (equals == std::string_view::npos)
            return bad_line(line, "expected \"key = value\"");
        const std::string_view key = trim(content.substr(0, equals));
        if (key.empty())
            return bad_line(line, "the key is empty");
        settings.push_back({std::string(key), std::string(trim(content.substr(equals + 1))), line});
    }
    return settings;
}

Result<bool> parse_switch(const Setting& setting) {
    if (setting.value == "yes")
        return true;
    if (setting.value == "no")
        return false;
    return bad_line(setting.line, setting.key + " must be yes or no");
}

Result<std::uint64_t>
parse_amount(const Setting& setting, std::uint64_t minimum, std::uint64_t maximum) {
    const std::optional<std::uint64_t> amount = parse_number<std::uint64_t>(setting.value);
    if (!amount || *amount < minimum || *amount > maximum)
        return bad_line(
            setting.line,
            setting.key + " must be a number from " + std::to_string(minimum) + " to " +
                std::to_string(maximum));
    return *amount;
}

Result<std::string> read_owned_file(const std::string& path, uid_t owner) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!file)
        return fail_errno(
            "opening " + path, errno, errno == ENOENT ? Errc::not_found : Errc::internal);
    struct stat status = {};
    if (::fstat(file.get(), &status) != 0)
        return fail_errno("inspecting " + path, errno);
    if (!S_ISREG(status.st_mode))
        return fail(Errc::invalid_configuration, path + " is not a regular file");
    if (status.st_uid != owner || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return fail(
            Errc::invalid_configuration,
            path + " must belong to uid " + std::to_string(owner) + " and be writable by it only");
    return read_all(file.get(), kSettingsLimitBytes);
}

} // namespace kheish::sandbox
