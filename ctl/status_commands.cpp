#include "command.hpp"
#include "output.hpp"
#include "session.hpp"
#include "status_view.hpp"

namespace kheish::ctl {

namespace {

using codec::Json;

Result<int> show_status(Session& session, const Invocation&) {
    KHEISH_TRY(
        const Json view, session.call_json({.path = manager_path(), .member = "DescribeStatus"}));
    return session.show(view, status_text(view));
}

Result<int> show_capabilities(Session& session, const Invocation&) {
    KHEISH_TRY(
        const Json view,
        session.call_json({.path = manager_path(), .member = "DescribeCapabilities"}));
    return session.show(view, fields_text(view));
}

} // namespace

std::vector<Command> status_commands() {
    return {
        {.words = "status",
         .help = "Show how kheishd is",
         .positionals = {},
         .options = {},
         .run = show_status},
        {.words = "capabilities",
         .help = "Show what kheishd can do",
         .positionals = {},
         .options = {},
         .run = show_capabilities},
    };
}

} // namespace kheish::ctl
