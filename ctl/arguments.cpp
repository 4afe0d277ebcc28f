#include "arguments.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>

namespace kheish::ctl {

namespace {

std::vector<std::string> split_words(std::string_view words) {
    std::vector<std::string> list;
    while (!words.empty()) {
        const std::size_t end = words.find(' ');
        list.emplace_back(words.substr(0, end));
        words.remove_prefix(end == std::string_view::npos ? words.size() : end + 1);
    }
    return list;
}

/// Where CLI11 puts what it reads: one place per option and positional of one (sub)command.
struct Target {
    std::map<std::string, std::string, std::less<>> values;
    std::map<std::string, bool, std::less<>> flags;
};

class Parser {
  public:
    Parser() {
        add_globals(app_);
        for (const Command& command : commands())
            add(command);
    }

    /// Throws CLI::Error.
    Arguments parse(std::vector<std::string> words) {
        std::reverse(words.begin(), words.end()); // CLI11 takes them from the back
        app_.parse(words);
        Arguments arguments;
        collect(globals_, app_, arguments.invocation);
        if (!app_.get_subcommands().empty())
            arguments.group = app_.get_subcommands().front()->get_name();
        for (const auto& [command, app] : leaves_)
            if (app->parsed()) {
                arguments.command = command;
                collect(targets_.at(command), *app, arguments.invocation);
            }
        arguments.help = arguments.invocation.flag("--help");
        arguments.version = arguments.invocation.flag("--version");
        return arguments;
    }

  private:
    void add_globals(CLI::App& app) {
        app.set_help_flag();
        app.fallthrough();
        for (const Option& option : global_options())
            add_option(app, globals_, option, option.name == "--host" ? "-H," : "");
        // What --help wants may stand alone.
        app.require_subcommand(0, 1);
    }

    static void
    add_option(CLI::App& app, Target& target, const Option& option, const std::string& alias) {
        const std::string name(option.name);
        const std::string names = alias + name + (name == "--help" ? ",-h" : "");
        if (option.value.empty())
            app.add_flag(names, target.flags[name]);
        else
            app.add_option(names, target.values[name])->take_last();
    }

    void add(const Command& command) {
        CLI::App* app = &app_;
        std::string path;
        for (const std::string& word : split_words(command.words)) {
            path += " " + word;
            CLI::App*& next = apps_[path];
            if (next == nullptr) {
                next = app->add_subcommand(word);
                next->set_help_flag();
                next->fallthrough();
                next->require_subcommand(0, 1);
            }
            app = next;
        }
        Target& target = targets_[&command];
        for (const Positional& positional : command.positionals)
            app->add_option(
                std::string(positional.name), target.values[std::string(positional.name)]);
        for (const Option& option : command.options)
            add_option(*app, target, option, "");
        leaves_[&command] = app;
    }

    static void collect(const Target& target, const CLI::App& app, Invocation& invocation) {
        for (const auto& [name, value] : target.values)
            if (app.get_option(name)->count() > 0)
                invocation.values[name] = value;
        for (const auto& [name, set] : target.flags)
            if (set)
                invocation.flags.insert(name);
    }

    CLI::App app_;
    Target globals_;
    std::map<const Command*, Target> targets_;
    std::map<const Command*, CLI::App*> leaves_;
    std::map<std::string, CLI::App*> apps_; ///< by their words
};

Status check_complete(const Arguments& arguments) {
    if (arguments.help || arguments.version)
        return {};
    if (arguments.command == nullptr)
        return fail(
            Errc::bad_request,
            arguments.group.empty() ? "a command is missing; see kheishctl --help"
                                    : "a command is missing behind \"" + arguments.group +
                                          "\"; see kheishctl " + arguments.group + " --help");
    for (const Positional& positional : arguments.command->positionals)
        if (positional.required && !arguments.invocation.value(positional.name))
            return fail(
                Errc::bad_request,
                std::string(positional.name) + " is missing; see kheishctl " +
                    std::string(arguments.command->words) + " --help");
    const std::string output = arguments.invocation.value("--output").value_or("pretty");
    if (output != "pretty" && output != "json")
        return fail(Errc::bad_request, "--output is pretty or json, not \"" + output + "\"");
    return {};
}

} // namespace

Result<Arguments> parse_arguments(std::vector<std::string> words) {
    Arguments arguments;
    try {
        Parser parser;
        arguments = parser.parse(std::move(words));
    } catch (const CLI::Error& error) {
        return fail(Errc::bad_request, std::string(error.what()) + "; see kheishctl --help");
    }
    KHEISH_CHECK(check_complete(arguments));
    return arguments;
}

} // namespace kheish::ctl
