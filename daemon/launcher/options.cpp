#include "launcher/options.hpp"

#include <array>

namespace kheish::launcher {

const char* const kUsage =
    "Usage: kheish-launcher [OPTION...]\n"
    "Starts and stops the sandboxes of kheish's runs. Activated by kheish-launcher.socket.\n"
    "\n"
    "  --service-user NAME        only this user is served (kheish)\n"
    "  --agent-user NAME          system user that runs may have (kheish-agent)\n"
    "  --runner PATH              first program of a sandbox\n"
    "  --bubblewrap PATH          bwrap(1)\n"
    "  --channel-directory PATH   where the sockets of runs are made\n"
    "  --help, --version\n";

namespace {

struct Option {
    std::string_view name;
    std::string Options::*member;
    bool is_path;
};

constexpr std::array kOptions{
    Option{"--service-user", &Options::service_user, false},
    Option{"--agent-user", &Options::agent_user, false},
    Option{"--runner", &Options::runner, true},
    Option{"--bubblewrap", &Options::bubblewrap, true},
    Option{"--channel-directory", &Options::channel_directory, true},
};

Status set(Options& options, std::string_view name, std::string_view value) {
    for (const Option& option : kOptions) {
        if (option.name != name)
            continue;
        if (value.empty() || (option.is_path && value.front() != '/'))
            return fail(
                Errc::invalid_argument,
                std::string(name) + (option.is_path ? " needs an absolute path" : " needs a name"));
        options.*option.member = std::string(value);
        return {};
    }
    return fail(Errc::invalid_argument, "unknown option " + std::string(name));
}

} // namespace

Result<Options> parse_options(std::span<char* const> arguments) {
    Options options;
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        const std::string_view word = arguments[i];
        const std::size_t equals = word.find('=');
        if (word == "--help")
            options.help = true;
        else if (word == "--version")
            options.version = true;
        else if (equals != std::string_view::npos)
            KHEISH_CHECK(set(options, word.substr(0, equals), word.substr(equals + 1)));
        else if (i + 1 < arguments.size())
            KHEISH_CHECK(set(options, word, arguments[++i]));
        else
            return fail(Errc::invalid_argument, std::string(word) + " needs a value");
    }
    return options;
}

} // namespace kheish::launcher
