#include "models/anthropic_request.hpp"

#include "base/text.hpp"

namespace kheish::models {

namespace {

using codec::canonical_json;
using codec::Json;

std::string encode_part(const Text& part) {
    // The API refuses empty text blocks.
    if (part.text.empty())
        return {};
    return canonical_json(Json::object({{"type", "text"}, {"text", to_valid_utf8(part.text)}}));
}

std::string encode_part(const ToolCall& part) {
    // The input is canonical JSON already and stays as it is.
    return "{\"id\":" + canonical_json(Json(part.id)) + ",\"input\":" + part.input +
           ",\"name\":" + canonical_json(Json(part.tool)) + ",\"type\":\"tool_use\"}";
}

std::string encode_part(const ToolResult& part) {
    Json block = Json::object(
        {{"type", "tool_result"},
         {"tool_use_id", part.call_id},
         {"content", to_valid_utf8(part.text)}});
    if (part.is_error)
        block.set("is_error", true);
    return canonical_json(block);
}

std::string encode_part(const Opaque& part) {
    return part.driver == kAnthropicDriver ? part.bytes : std::string();
}

/// Tool results come first in a user message: the API wants them right after the calls.
std::string encode_content(const Message& message) {
    std::string results;
    std::string rest;
    for (const Part& part : message.parts) {
        const std::string block =
            std::visit([](const auto& kind) { return encode_part(kind); }, part);
        std::string& place = std::holds_alternative<ToolResult>(part) ? results : rest;
        if (!block.empty())
            place += (place.empty() ? "" : ",") + block;
    }
    return results + (results.empty() || rest.empty() ? "" : ",") + rest;
}

std::string encode_messages(const Request& request) {
    std::string list;
    for (const Message& message : request.messages) {
        const std::string content = encode_content(message);
        if (content.empty())
            continue;
        list += list.empty() ? "" : ",";
        list += "{\"content\":[" + content + "],\"role\":\"" +
                (message.role == Message::Role::user ? "user" : "assistant") + "\"}";
    }
    return "[" + list + "]";
}

std::string encode_tools(const Request& request) {
    Json tools = Json::array();
    for (const ToolSpecification& tool : request.tools)
        tools.append(Json::object(
            {{"name", tool.name},
             {"description", tool.description},
             {"input_schema", tool.input_schema}}));
    return canonical_json(tools);
}

} // namespace

std::string anthropic_request_body(const Request& request) {
    std::string body = "{\"max_tokens\":" + std::to_string(request.max_output_tokens) +
                       ",\"messages\":" + encode_messages(request) +
                       ",\"model\":" + canonical_json(Json(request.model)) + ",\"stream\":true";
    if (!request.system.empty())
        body += ",\"system\":" + canonical_json(Json(to_valid_utf8(request.system)));
    if (request.temperature)
        body += ",\"temperature\":" + canonical_json(Json(*request.temperature));
    if (!request.tools.empty())
        body += ",\"tools\":" + encode_tools(request);
    return body + "}";
}

} // namespace kheish::models
