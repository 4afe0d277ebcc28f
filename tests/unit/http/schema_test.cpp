#include "http/endpoints.hpp"
#include "http/request_schemas.hpp"

#include "control/permission_check.hpp"
#include "control/question_requests.hpp"
#include "control/requests.hpp"

#include <gtest/gtest.h>

namespace kheish::http {
namespace {

using codec::Json;

/// A value that the schema allows, with all members; of several shapes the one at `choice`.
Json sample(const Json& schema, std::size_t choice = 0) {
    if (const std::optional<Json> shapes = schema.find("oneOf"))
        return sample(shapes->at(choice));
    if (const std::optional<Json> words = schema.find("enum"))
        return words->at(0);
    const std::string type = schema.find("type")->string();
    if (type == "integer")
        return 1;
    if (type == "boolean")
        return true;
    if (type == "array")
        return Json::array({sample(*schema.find("items"), choice)});
    if (type == "string")
        return schema.find("pattern") ? Json(std::string(64, 'a')) : Json("abc");
    Json object = Json::object();
    if (const std::optional<Json> properties = schema.find("properties"))
        for (const std::string& name : properties->keys())
            object.set(name, sample(*properties->find(name)));
    return object;
}

Status parse(std::string_view schema, const Json& body) {
    if (schema == "CreateSession")
        return control::parse_create_session(body).map([](const auto&) {});
    if (schema == "SubmitInput")
        return control::parse_submit_input(body).map([](const auto&) {});
    if (schema == "ResolveApprovals")
        return control::parse_resolve_approvals(body).map([](const auto&) {});
    if (schema == "ResolveQuestion")
        return control::parse_resolve_question(body).map([](const auto&) {});
    if (schema == "CancelQuestion")
        return control::parse_cancel_question({}, body).map([](const auto&) {});
    if (schema == "CheckPermission")
        return control::parse_check_permission(body).map([](const auto&) {});
    if (schema == "DescribeMatrix")
        return control::parse_describe_matrix(body).map([](const auto&) {});
    return control::parse_end(body).map([](const auto&) {});
}

/// The body with only those members that the parser wants and `name`.
Json body_with(std::string_view schema, const std::string& name, const Json& value) {
    Json body = Json::object();
    if (schema == "SubmitInput" && name != "input_items")
        body.set("content", "text");
    if (schema == "CheckPermission")
        body.set("tool_name", "some_tool");
    if (schema == "ResolveApprovals")
        body.set(
            "resolutions",
            sample(*request_schemas().find(schema)->find("properties")->find("resolutions")));
    if (schema == "ResolveQuestion")
        body.set(
            "resolution",
            sample(*request_schemas().find(schema)->find("properties")->find("resolution")));
    if (schema == "CreateSession" && name == "workspace")
        return body.set(name, "/srv");
    if (name == "permission_rules")
        return body.set(
            name,
            Json::array({Json::object(
                {{"pattern", "bash"},
                 {"behavior", "deny"},
                 {"reason", "no"},
                 {"command", "git push *"}})}));
    return body.set(name, value);
}

TEST(RequestSchemas, NameTheMembersThatTheParsersTake) {
    for (const std::string_view schema :
         {"CreateSession",
          "SubmitInput",
          "ResolveApprovals",
          "ResolveQuestion",
          "CancelQuestion",
          "EndRequest"}) {
        const std::optional<Json> properties = request_schemas().find(schema)->find("properties");
        for (const std::string& name : properties->keys()) {
            const Json body = body_with(schema, name, sample(*properties->find(name)));
            const Status parsed = parse(schema, body);
            EXPECT_TRUE(parsed) << schema << "." << name << ": "
                                << (parsed ? "" : parsed.error().message);
        }
        const Status unknown = parse(schema, body_with(schema, "no_such_member", 1));
        ASSERT_FALSE(unknown) << schema;
        EXPECT_EQ(unknown.error().code, Errc::unknown_field) << schema;
    }
}

TEST(RequestSchemas, NameWhatGoesWithEachBehavior) {
    const Json list =
        *request_schemas().find("ResolveApprovals")->find("properties")->find("resolutions");
    const std::size_t shapes = list.find("items")->find("oneOf")->size();
    EXPECT_EQ(shapes, 3U);
    for (std::size_t choice = 0; choice < shapes; ++choice) {
        const Json body = Json::object({{"resolutions", sample(list, choice)}});
        const Result<control::ResolveApprovals> parsed = control::parse_resolve_approvals(body);
        ASSERT_TRUE(parsed) << parsed.error().message;
        EXPECT_EQ(
            to_string(parsed->resolutions[0].behavior),
            body.find("resolutions")->at(0).find("behavior")->string());
    }
}

TEST(RequestSchemas, ExistForEveryOperationWithABody) {
    for (const Endpoint& endpoint : endpoints()) {
        const std::string_view name = request_schema(control::info(endpoint.operation));
        if (endpoint.body == Body::none)
            EXPECT_EQ(name, "");
        else
            EXPECT_TRUE(request_schemas().find(name)) << name;
    }
}

} // namespace
} // namespace kheish::http
