#pragma once

#include "base/effect_class.hpp"
#include "base/result.hpp"
#include "codec/json.hpp"

#include <chrono>
#include <span>
#include <string>
#include <string_view>

/// What tools there are and what may be asked of them. Execution is in runner/, and in control/ for
/// tools of the daemon.
namespace kheish::tools {

/// What kheishd does otherwise than other tools of its own: it asks for a page of the web.
inline constexpr std::string_view kWebFetchTool = "web_fetch";

/// One tool's declaration.
struct Tool {
    std::string_view name;
    std::string_view description;  ///< for the model
    std::string_view input_schema; ///< JSON Schema of an object, additionalProperties false
    /// What is wrong with an input, exactly where the schema only describes.
    Status (*check)(const codec::Json& input) = nullptr;
    EffectClass effect_class = EffectClass::at_most_once;
    ToolPlace place = ToolPlace::runner;
    PermissionClass permission = PermissionClass::execute;
    bool parallel = false; ///< may run beside other calls of its turn
    std::chrono::milliseconds default_timeout{};
    bool spooled = false; ///< its full output may be longer than what the model is told
};

/// All built-in tools, in the order in which models see them.
std::span<const Tool> all_tools();
/// Null where there is no such tool.
const Tool* find_tool(std::string_view name);

/// `input` as its canonical JSON, with an absolute `path` or `cwd` inside `workspace` made
/// relative to it. Errc::bad_request, Errc::unknown_field, Errc::invalid_json, Errc::invalid_utf8
/// or Errc::payload_too_large says precisely what is wrong ("read_file.path must not be empty").
/// An empty `workspace` refuses every absolute path.
Result<std::string>
validate_input(const Tool& tool, std::string_view input, std::string_view workspace = {});

/// One line that shows an approver what a validated input would do, escaped for display and
/// shortened with a note of how much is left out.
std::string summary(const Tool& tool, std::string_view input);

/// How long a call with this validated input may take: its own wish within the bounds, else the
/// tool's default.
std::chrono::milliseconds timeout_of(const Tool& tool, std::string_view input);

} // namespace kheish::tools
