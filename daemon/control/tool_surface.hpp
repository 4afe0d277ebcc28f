#pragma once

#include "base/result.hpp"
#include "govern/scope.hpp"
#include "tools/tool.hpp"

#include <span>
#include <string_view>
#include <vector>

/// Which tools a run has.
namespace kheish::control {

/// Of the tools that there are, those that a capability scope lets be seen. A hidden one is none:
/// no model is shown it, and a call of it finds nothing. Whatever in control wants to know of a
/// tool asks here; tests/lint sees to it.
class ToolSurface {
  public:
    /// `tools` outlive it. `scope` is canonical JSON as journaled, empty where there is none;
    /// Errc::journal_corrupt where it cannot be read.
    static Result<ToolSurface> of(std::span<const tools::Tool> tools, std::string_view scope);
    /// The built-in tools, all of them.
    static ToolSurface of_built_in_tools();

    /// In the order in which models see them.
    std::vector<const tools::Tool*> visible() const;
    /// Null where there is no such tool, or it is hidden.
    const tools::Tool* find(std::string_view name) const;
    /// Whether a tool of this name is hidden, should there be one. Empty where it is not; else why.
    std::string why_hidden(std::string_view name) const;

  private:
    ToolSurface(std::span<const tools::Tool> tools, govern::CapabilityScope scope);

    std::span<const tools::Tool> tools_;
    govern::CapabilityScope scope_;
};

} // namespace kheish::control
