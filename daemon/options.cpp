#include "options.hpp"

#include <array>
#include <utility>

namespace kheish {

const char* const kUsage =
    "Usage: kheishd [OPTION...]\n"
    "Runs the kheish control plane; normally started by systemd (kheish.service).\n"
    "\n"
    "      --config-directory DIR  read the configuration from DIR alone\n"
    "      --state-directory DIR   keep the journal in DIR\n"
    "      --listen PATH           bind this socket where systemd passes none\n"
    "      --bus system|session|none\n"
    "                              message bus to be on (default: system)\n"
    "      --check-config          read the configuration, report, and exit\n"
    "      --version               print the version and exit\n"
    "  -h, --help                  print this help and exit\n"
    "\n"
    "Exit status: 0 after a stop, 78 where the configuration is wrong, 1 for all else.\n";

namespace {

Status set_bus(std::string_view word, Options& options) {
    constexpr std::array<std::pair<std::string_view, Options::Bus>, 3> kWords{{
        {"system", Options::Bus::system},
        {"session", Options::Bus::session},
        {"none", Options::Bus::none},
    }};
    for (const auto& [name, bus] : kWords)
        if (name == word) {
            options.bus = bus;
            return {};
        }
    return fail(Errc::invalid_argument, "--bus must be system, session or none");
}

/// False where `name` is no option that takes a value.
Result<bool> set_value(std::string_view name, std::string_view value, Options& options) {
    if (name == "--config-directory")
        options.configuration_directory = value;
    else if (name == "--state-directory")
        options.state_directory = value;
    else if (name == "--listen")
        options.listen = value;
    else if (name == "--bus") {
        KHEISH_CHECK(set_bus(value, options));
    } else {
        return false;
    }
    if (value.empty())
        return fail(Errc::invalid_argument, std::string(name) + " needs a value");
    return true;
}

bool set_flag(std::string_view name, Options& options) {
    if (name == "--check-config")
        options.action = Options::Action::check_configuration;
    else if (name == "--version")
        options.action = Options::Action::version;
    else if (name == "--help" || name == "-h")
        options.action = Options::Action::help;
    else
        return false;
    return true;
}

} // namespace

Result<Options> parse_options(std::span<char* const> arguments) {
    Options options;
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        const std::string_view argument = arguments[i];
        if (set_flag(argument, options))
            continue;
        const std::size_t equals = argument.find('=');
        const std::string_view name = argument.substr(0, equals);
        const bool joined = equals != std::string_view::npos;
        const std::string_view value =
            joined ? argument.substr(equals + 1)
                   : (i + 1 < arguments.size() ? std::string_view(arguments[i + 1]) : "");
        KHEISH_TRY(const bool taken, set_value(name, value, options));
        if (!taken)
            return fail(
                Errc::invalid_argument,
                "unknown argument " + std::string(argument) + ", see --help");
        i += joined ? 0 : 1;
    }
    return options;
}

} // namespace kheish
