#include "http/openapi.hpp"

#include "http/endpoints.hpp"
#include "http/request_schemas.hpp"

#include <algorithm>
#include <string>

namespace kheish::http {

namespace {

using codec::Json;
using control::OperationInfo;

constexpr int kApiRevision = 3;

Json reference(std::string_view section, std::string_view name) {
    return Json::object(
        {{"$ref", "#/components/" + std::string(section) + "/" + std::string(name)}});
}

Json parameter(std::string_view name, std::string_view place, bool required) {
    return Json::object({
        {"name", name},
        {"in", place},
        {"required", required},
        {"schema", Json::object({{"type", "string"}})},
    });
}

Json parameters(const OperationInfo& operation, const Endpoint& endpoint) {
    Json list = Json::array();
    for (const std::string_view name : {"sid", "rid", "qid", "name"})
        if (operation.http_path.find("{" + std::string(name) + "}") != std::string_view::npos)
            list.append(parameter(name, "path", true));
    for (const std::string_view name : endpoint.query)
        list.append(parameter(name, "query", false));
    if (operation.idempotency_key)
        list.append(parameter("Idempotency-Key", "header", false));
    if (endpoint.content_type == kEventStreamType)
        list.append(parameter("Last-Event-ID", "header", false));
    return list;
}

Json content(std::string_view type, const Json& schema) {
    return Json::object({{type, Json::object({{"schema", schema}})}});
}

Json success(const Endpoint& endpoint) {
    const bool json = endpoint.content_type == kJsonType;
    const Json schema = json ? Json::object() : Json::object({{"type", "string"}});
    return Json::object({
        {"description", reason_phrase(endpoint.success_status)},
        {"content", content(endpoint.content_type, schema)},
    });
}

Json describe(const OperationInfo& operation, const Endpoint& endpoint) {
    Json entry = Json::object({
        {"operationId", operation.name},
        {"responses",
         Json::object({
             {std::to_string(endpoint.success_status), success(endpoint)},
             {"default", reference("responses", "Problem")},
         })},
    });
    const Json list = parameters(operation, endpoint);
    if (list.size() > 0)
        entry.set("parameters", list);
    if (endpoint.body != Body::none)
        entry.set(
            "requestBody",
            Json::object({
                {"required", endpoint.body == Body::required},
                {"content", content(kJsonType, reference("schemas", request_schema(operation)))},
                {"x-limit-bytes", static_cast<std::int64_t>(operation.body_limit_bytes)},
            }));
    return entry;
}

std::string lower(std::string_view method) {
    std::string text(method);
    std::transform(text.begin(), text.end(), text.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return text;
}

Json build_paths() {
    Json paths = Json::object();
    for (const Endpoint& endpoint : endpoints()) {
        const OperationInfo& operation = control::info(endpoint.operation);
        Json path = paths.find(operation.http_path).value_or(Json::object());
        path.set(lower(operation.http_method), describe(operation, endpoint));
        paths.set(operation.http_path, path);
    }
    return paths;
}

Json build() {
    const Json problem = Json::object({
        {"description", "Whatever is not a success"},
        {"content", content(kProblemType, reference("schemas", "Problem"))},
    });
    return Json::object({
        {"openapi", "3.1.0"},
        {"info",
         Json::object({
             {"title", "kheish control plane"},
             {"version", KHEISH_VERSION},
             {"license", Json::object({{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}})},
             {"x-api-revision", kApiRevision},
             {"x-sse-replay", true},
             {"x-typed-sse-heartbeat", true},
         })},
        {"servers", Json::array({Json::object({{"url", "/"}})})},
        {"security", Json::array()},
        {"paths", build_paths()},
        {"components",
         Json::object({
             {"schemas", request_schemas()},
             {"responses", Json::object({{"Problem", problem}})},
         })},
    });
}

} // namespace

const Json& openapi_document() {
    static const Json document = build();
    return document;
}

} // namespace kheish::http
