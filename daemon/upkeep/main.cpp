#include "base/fd.hpp"
#include "base/log.hpp"
#include "config/settings.hpp"
#include "upkeep/audit_commands.hpp"
#include "upkeep/commands.hpp"
#include "upkeep/privileges.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <iostream>
#include <unistd.h>

namespace kheish::upkeep {

namespace {

int report(const Error& error) {
    std::cerr << "kheish-journal: " << error.to_string() << '\n';
    return error_info(error.code).exit_code;
}

/// Read as who asks, who may see files that the owner of the state directory may not.
Result<std::string> read_key(const std::string& path) {
    KHEISH_TRY(std::string key, read_file(path, kSigningKeyLimitBytes));
    if (key.empty())
        return fail(Errc::invalid_argument, path + " is empty: there is no key in it");
    return key;
}

/// The key that was named, or came as a credential (systemd.exec(5)); empty where neither did.
Result<std::string> current_signing_key(const Options& options) {
    if (!options.signing_key.empty())
        return read_key(options.signing_key);
    const char* directory = std::getenv("CREDENTIALS_DIRECTORY");
    if (directory == nullptr)
        return std::string();
    Result<std::string> key = read_key(std::string(directory) + "/audit-signing-key");
    if (!key && key.error().sys_errno == ENOENT)
        return std::string();
    return key;
}

Result<GivenKeys> given_signing_keys(const Options& options) {
    GivenKeys given;
    KHEISH_TRY(given.current, current_signing_key(options));
    if (!options.next_key.empty()) {
        KHEISH_TRY(given.next, read_key(options.next_key));
    }
    return given;
}

bool is_audit(Options::Verb verb) {
    return verb >= Options::Verb::audit_list;
}

/// A new file of the caller's, before anything of another user's is looked at.
Result<Fd> make_backup_file(const std::string& path) {
    Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd)
        return fail_errno(
            "making " + path, errno, errno == EEXIST ? Errc::conflict : Errc::invalid_argument);
    return fd;
}

Result<int> run(Options options) {
    if (options.verb == Options::Verb::help || options.verb == Options::Verb::version)
        return carry_out(options, -1);
    if (options.verb == Options::Verb::audit_verify)
        return verify_audit(options);
    if (options.state_directory.empty()) {
        KHEISH_TRY(const config::Settings settings, config::load_settings({}));
        options.state_directory = settings.state_directory;
    }
    Fd backup;
    if (options.verb == Options::Verb::backup) {
        KHEISH_TRY(backup, make_backup_file(options.file));
    }
    KHEISH_TRY(const GivenKeys given, given_signing_keys(options));
    Result<int> status = run_as_owner(options.state_directory, [&options, &backup, &given] {
        const Result<int> done = is_audit(options.verb) ? carry_out_audit(options, given)
                                                        : carry_out(options, backup.get());
        return done ? *done : report(done.error());
    });
    // Half a backup helps nobody.
    const bool is_useless = backup && (!status || *status != EXIT_SUCCESS);
    if (is_useless && ::unlink(options.file.c_str()) != 0)
        return fail_errno("removing " + options.file, errno);
    return status;
}

} // namespace

} // namespace kheish::upkeep

int main(int argc, char** argv) {
    using namespace kheish;
    (void)std::signal(SIGPIPE, SIG_IGN); // a reader that leaves is an error of one write
    set_log_level(Level::warning);
    Result<upkeep::Options> options =
        upkeep::parse_options(std::span(argv, static_cast<std::size_t>(argc)));
    if (!options)
        return upkeep::report(options.error());
    const Result<int> status = upkeep::run(*std::move(options));
    return status ? *status : upkeep::report(status.error());
}
