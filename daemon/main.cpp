#include "app.hpp"
#include "base/log.hpp"
#include "options.hpp"

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <span>

#include <sys/prctl.h>
#include <sysexits.h>

namespace {

/// Says to whoever called what is wrong; the exit status for it.
int complain(const kheish::Error& error) {
    std::cerr << "kheishd: " << error.message << '\n';
    return error.code == kheish::Errc::invalid_configuration ? EX_CONFIG : EXIT_FAILURE;
}

int serve(const kheish::Options& options) {
    // A client that leaves is an error of one write. systemd sees to it (IgnoreSIGPIPE=), a shell
    // does not. Only a wrong signal number would make it fail.
    (void)std::signal(SIGPIPE, SIG_IGN);
#ifndef __SANITIZE_ADDRESS__ // whose leak check reads the process as a debugger does
    // What it holds goes into no core file, and nobody of the same user looks into it.
    (void)::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); // fails for a wrong number only
#endif
    kheish::Result<std::unique_ptr<kheish::App>> app = kheish::App::open(options);
    if (!app) {
        kheish::log(
            kheish::Level::error,
            "kheishd cannot run",
            {{kheish::log_field::kError, app.error().to_string()}});
        return complain(app.error());
    }
    return (*app)->run();
}

} // namespace

int main(int argc, char** argv) {
    const kheish::Result<kheish::Options> options =
        kheish::parse_options(std::span(argv, static_cast<std::size_t>(argc)));
    if (!options) {
        std::cerr << "kheishd: " << options.error().message << '\n';
        return EX_USAGE;
    }
    switch (options->action) {
    case kheish::Options::Action::help:
        std::cout << kheish::kUsage;
        return EXIT_SUCCESS;
    case kheish::Options::Action::version:
        std::cout << "kheishd " << KHEISH_VERSION << '\n';
        return EXIT_SUCCESS;
    case kheish::Options::Action::check_configuration: {
        const kheish::Status checked = kheish::check_configuration(*options);
        if (!checked)
            return complain(checked.error());
        std::cout << "the configuration is fine\n";
        return EXIT_SUCCESS;
    }
    case kheish::Options::Action::serve:
        break;
    }
    return serve(*options);
}
