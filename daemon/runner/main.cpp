#include "base/log.hpp"
#include "runner/project_permissions.hpp"
#include "runner/runner.hpp"
#include "sandbox/runner_start.hpp"
#include "sandbox/seccomp_program.hpp"

#include <cstdlib>
#include <string>
#include <utility>

namespace {

using namespace kheish;

Status serve() {
    KHEISH_TRY(const sandbox::RunnerView view, sandbox::enter_sandbox());
    KHEISH_TRY(
        const std::string filter, sandbox::seccomp_program(view.network, sandbox::FilterFor::tool));
    runner::CallEnvironment environment{view.workspace, [view, filter] {
                                            return sandbox::confine_tool(view, filter);
                                        }};
    runner::Runner runner(
        Fd(sandbox::kChannelFd),
        std::move(environment),
        runner::read_project_permissions(view.workspace));
    return runner.run();
}

} // namespace

int main() {
    const Status served = serve();
    if (served)
        return EXIT_SUCCESS;
    log(Level::critical, "The runner stopped", {{log_field::kError, served.error().to_string()}});
    return EXIT_FAILURE;
}
