#include "control/tool_surface.hpp"

#include "base/text.hpp"

#include <utility>

namespace kheish::control {

ToolSurface::ToolSurface(std::span<const tools::Tool> tools, govern::CapabilityScope scope)
    : tools_(tools), scope_(std::move(scope)) {}

Result<ToolSurface> ToolSurface::of(std::span<const tools::Tool> tools, std::string_view scope) {
    if (scope.empty())
        return ToolSurface(tools, {});
    Result<govern::CapabilityScope> read = govern::parse_scope<govern::CapabilityScope>(scope);
    if (!read)
        return fail(Errc::journal_corrupt, read.error().message);
    return ToolSurface(tools, std::move(*read));
}

ToolSurface ToolSurface::of_built_in_tools() {
    return {tools::all_tools(), {}};
}

std::vector<const tools::Tool*> ToolSurface::visible() const {
    std::vector<const tools::Tool*> visible;
    for (const tools::Tool& tool : tools_)
        if (govern::is_visible(scope_, tool.name))
            visible.push_back(&tool);
    return visible;
}

const tools::Tool* ToolSurface::find(std::string_view name) const {
    for (const tools::Tool* tool : visible())
        if (tool->name == name)
            return tool;
    return nullptr;
}

std::string ToolSurface::why_hidden(std::string_view name) const {
    if (govern::is_visible(scope_, name))
        return {};
    const std::string quoted = "\"" + escape_for_display(name) + "\"";
    return govern::is_visible({}, name) ? "the session's capability scope hides " + quoted
                                        : "no MCP tool can have the name " + quoted;
}

} // namespace kheish::control
