#include "arguments.hpp"
#include "help.hpp"
#include "output.hpp"
#include "session.hpp"

#include <clocale>

namespace kheish::ctl {

namespace {

int report(const Error& error) {
    print_message("kheishctl: " + shown(error.to_string()));
    return error_info(error.code).exit_code;
}

int run(const std::vector<std::string>& words) {
    const Result<Arguments> arguments = parse_arguments(words);
    if (!arguments)
        return report(arguments.error());
    if (arguments->version)
        return print("kheishctl " KHEISH_VERSION "\n") ? 0 : 1;
    if (arguments->help)
        return print(
                   arguments->command != nullptr ? command_help(*arguments->command)
                                                 : program_help(arguments->group))
                   ? 0
                   : 1;
    Session session(arguments->invocation, words);
    const Result<int> code = arguments->command->run(session, arguments->invocation);
    return code ? *code : report(code.error());
}

} // namespace

} // namespace kheish::ctl

int main(int argument_count, char** arguments) {
    (void)std::setlocale(LC_TIME, ""); // times as the user writes them; C where it is unknown
    return kheish::ctl::run({arguments + 1, arguments + argument_count});
}
