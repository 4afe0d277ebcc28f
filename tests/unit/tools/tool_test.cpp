#include "tools/tool.hpp"

#include "codec/json.hpp"
#include "tools/limits.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>

namespace kheish::tools {
namespace {

using codec::Json;

const Tool& tool(std::string_view name) {
    const Tool* found = find_tool(name);
    if (found == nullptr)
        ADD_FAILURE() << "no tool " << name;
    return found != nullptr ? *found : all_tools().front();
}

/// A value of the type that a schema property asks for.
Json sample(std::string_view name, const Json& property) {
    if (name == "expected_sha256")
        return std::string(64, 'a');
    if (name == "url")
        return "https://docs.example.com/";
    if (name == "new_string")
        return "y"; // another than old_string
    const std::string type = property.find("type").value_or(Json()).string();
    if (type == "integer")
        return 1;
    if (type == "boolean")
        return true;
    if (type == "array")
        return Json::array({sample(name, *property.find("items"))});
    if (type == "object") {
        Json object = Json::object();
        const Json members = property.find("properties").value();
        for (const std::string& member : members.keys())
            object.set(member, sample(member, *members.find(member)));
        return object;
    }
    return "x";
}

TEST(Tools, AreNamedOnceAndFound) {
    std::set<std::string_view> names;
    for (const Tool& one : all_tools()) {
        EXPECT_TRUE(names.insert(one.name).second) << one.name;
        EXPECT_EQ(find_tool(one.name), &one);
        EXPECT_FALSE(one.description.empty());
        if (one.place == ToolPlace::person)
            continue; // as long as it takes
        EXPECT_GE(one.default_timeout, kMinTimeout);
        EXPECT_LE(one.default_timeout, kMaxTimeout);
    }
    EXPECT_EQ(
        names,
        (std::set<std::string_view>{
            "read_file",
            "list_files",
            "grep_search",
            "write_file",
            "edit_file",
            "bash",
            "web_fetch",
            "emit_output",
            "ask_user_question"}));
    EXPECT_EQ(find_tool("nope"), nullptr);
    EXPECT_EQ(find_tool(""), nullptr);
}

TEST(Tools, DeclareWhatTheyDo) {
    EXPECT_EQ(tool("read_file").effect_class, EffectClass::pure);
    EXPECT_EQ(tool("list_files").effect_class, EffectClass::pure);
    EXPECT_EQ(tool("grep_search").effect_class, EffectClass::pure);
    EXPECT_EQ(tool("write_file").effect_class, EffectClass::keyed);
    EXPECT_EQ(tool("edit_file").effect_class, EffectClass::reconcilable);
    EXPECT_EQ(tool("edit_file").permission, PermissionClass::edit);
    EXPECT_EQ(tool("bash").effect_class, EffectClass::at_most_once);
    EXPECT_EQ(tool("web_fetch").effect_class, EffectClass::pure);
    EXPECT_EQ(tool("web_fetch").place, ToolPlace::daemon);
    EXPECT_EQ(tool("emit_output").effect_class, EffectClass::keyed);
    EXPECT_EQ(tool("emit_output").place, ToolPlace::daemon);
    EXPECT_EQ(tool("ask_user_question").effect_class, EffectClass::pure);
    EXPECT_EQ(tool("ask_user_question").place, ToolPlace::person);
    EXPECT_EQ(tool("write_file").permission, PermissionClass::edit);
    EXPECT_EQ(tool("bash").permission, PermissionClass::execute);
    for (const Tool& one : all_tools())
        EXPECT_EQ(one.parallel, one.permission == PermissionClass::read || one.name == "web_fetch")
            << one.name;
}

TEST(Tools, SchemaIsWhatTheParserAccepts) {
    for (const Tool& one : all_tools()) {
        const Json schema = codec::parse_json(one.input_schema).value();
        EXPECT_EQ(schema.find("type")->string(), "object");
        EXPECT_FALSE(schema.find("additionalProperties").value_or(Json(true)).boolean());
        const Json properties = schema.find("properties").value();
        Json everything = Json::object();
        for (const std::string& key : properties.keys())
            everything.set(key, sample(key, *properties.find(key)));
        const Result<std::string> all = validate_input(one, codec::canonical_json(everything));
        EXPECT_TRUE(all.has_value()) << one.name << ": " << (all ? "" : all.error().message);

        std::set<std::string> required;
        if (const std::optional<Json> names = schema.find("required"))
            for (const Json& name : names->items())
                required.insert(name.string());
        for (const std::string& absent : properties.keys()) {
            Json others = Json::object();
            for (const std::string& key : properties.keys())
                if (key != absent)
                    others.set(key, sample(key, *properties.find(key)));
            EXPECT_EQ(
                validate_input(one, codec::canonical_json(others)).has_value(),
                !required.contains(absent))
                << one.name << " without " << absent;
        }
    }
}

TEST(Tools, SchemaBoundsAreTheParsersBounds) {
    for (const Tool& one : all_tools()) {
        const Json schema = codec::parse_json(one.input_schema).value();
        const Json properties = schema.find("properties").value();
        for (const std::string& key : properties.keys()) {
            const std::optional<Json> largest = properties.find(key)->find("maximum");
            if (!largest)
                continue;
            Json input = Json::object();
            for (const std::string& other : properties.keys())
                input.set(other, sample(other, *properties.find(other)));
            input.set(key, largest->integer());
            EXPECT_TRUE(validate_input(one, codec::canonical_json(input)).has_value()) << key;
            input.set(key, largest->integer() + 1);
            EXPECT_FALSE(validate_input(one, codec::canonical_json(input)).has_value()) << key;
        }
    }
}

struct Refusal {
    const char* tool;
    std::string input;
    Errc code;
    std::string message;
};

TEST(Tools, RefuseInputPrecisely) {
    const std::array cases{
        Refusal{"read_file", R"({})", Errc::bad_request, "read_file.path is required"},
        Refusal{"web_fetch", R"({})", Errc::bad_request, "web_fetch.url is required"},
        Refusal{
            "web_fetch",
            R"({"url":"https://a@b.example/"})",
            Errc::bad_request,
            "web_fetch.url must not hold a user or a password"},
        Refusal{
            "read_file", R"({"path":""})", Errc::bad_request, "read_file.path must not be empty"},
        Refusal{
            "read_file",
            R"({"path":"/etc/passwd"})",
            Errc::bad_request,
            "read_file.path must lie inside the workspace: give a path relative to it"},
        Refusal{
            "read_file",
            R"({"path":"a/../../b"})",
            Errc::bad_request,
            "read_file.path must not hold \"..\""},
        Refusal{
            "read_file",
            R"({"path":"a\u0000b"})",
            Errc::bad_request,
            "read_file.path must not hold U+0000"},
        Refusal{
            "read_file",
            R"({"path":7})",
            Errc::bad_request,
            "read_file.path must be a string, not integer"},
        Refusal{
            "read_file",
            R"({"path":"a","ofset":2})",
            Errc::unknown_field,
            "read_file has no field \"ofset\""},
        Refusal{
            "list_files",
            R"({"limit":0})",
            Errc::bad_request,
            "list_files.limit must lie between 1 and 5000"},
        Refusal{
            "grep_search",
            R"({"pattern":""})",
            Errc::bad_request,
            "grep_search.pattern must not be empty"},
        Refusal{
            "write_file",
            R"({"path":"a","content":"","expected_sha256":"ABC"})",
            Errc::bad_request,
            "write_file.expected_sha256 must be 64 lower-case hexadecimal digits"},
        Refusal{
            "write_file",
            R"({"path":"dir/","content":""})",
            Errc::bad_request,
            "write_file.path must name a file"},
        Refusal{"bash", R"([])", Errc::bad_request, "bash must be an object, not array"},
        Refusal{
            "bash",
            R"({"command":"true","timeout_ms":180001})",
            Errc::bad_request,
            "bash.timeout_ms must lie between 1 and 180000"},
        Refusal{
            "bash",
            R"({"command":")" + std::string(kCommandBytes + 1, 'x') + R"("})",
            Errc::bad_request,
            "bash.command is longer than 100000 bytes"},
        Refusal{
            "emit_output",
            R"({"content":""})",
            Errc::bad_request,
            "emit_output.content must not be empty"},
    };
    for (const Refusal& c : cases) {
        const Result<std::string> result = validate_input(tool(c.tool), c.input);
        ASSERT_FALSE(result.has_value()) << c.input.substr(0, 100);
        EXPECT_EQ(result.error().code, c.code);
        EXPECT_EQ(result.error().message, c.message);
    }
    EXPECT_EQ(validate_input(tool("bash"), "{").error().code, Errc::invalid_json);
    EXPECT_EQ(
        validate_input(tool("bash"), "{\"command\":\"\xff\"}").error().code, Errc::invalid_utf8);
    EXPECT_EQ(
        validate_input(tool("bash"), std::string(kMaxInputBytes + 1, ' ')).error().code,
        Errc::payload_too_large);
}

TEST(Tools, InputBecomesCanonical) {
    EXPECT_EQ(
        validate_input(tool("bash"), "{ \"timeout_ms\": 5, \"command\" : \"ls\" }").value(),
        R"({"command":"ls","timeout_ms":5})");
}

TEST(Tools, AbsolutePathsInsideTheWorkspaceBecomeRelative) {
    struct Case {
        const char* path;
        const char* workspace;
        const char* expected; ///< null: refused
    };
    const std::array cases{
        Case{"/home/a/w/src/x.c", "/home/a/w", "src/x.c"},
        Case{"/home/a/w//x.c", "/home/a/w/", "x.c"},
        Case{"/home/a/w", "/home/a/w", "."},
        Case{"/home/a/workspace/x", "/home/a/w", nullptr},
        Case{"/home/a/w/../x", "/home/a/w", nullptr},
        Case{"/etc/passwd", "/home/a/w", nullptr},
        Case{"/etc/passwd", "/", "etc/passwd"},
        Case{"/etc/passwd", "", nullptr},
        Case{"src/x.c", "/home/a/w", "src/x.c"},
    };
    for (const Case& c : cases) {
        const std::string input = codec::canonical_json(Json::object({{"path", c.path}}));
        const Result<std::string> result = validate_input(tool("read_file"), input, c.workspace);
        ASSERT_EQ(result.has_value(), c.expected != nullptr) << c.path;
        if (c.expected == nullptr)
            continue;
        EXPECT_EQ(*result, codec::canonical_json(Json::object({{"path", c.expected}})));
    }
}

TEST(Tools, SummaryIsOneEscapedLine) {
    EXPECT_EQ(
        summary(tool("bash"), R"({"command":"rm -rf build\nls \u202e\u001b[2K"})"),
        "bash: rm -rf build\\nls \\u{202e}\\u{1b}[2K");
    EXPECT_EQ(summary(tool("bash"), R"({"command":"ls","cwd":"a b"})"), "bash in a b: ls");
    EXPECT_EQ(
        summary(tool("write_file"), R"({"path":"a","content":"12345"})"),
        "write_file: a (5 bytes)");
    EXPECT_EQ(
        summary(tool("grep_search"), R"({"pattern":"x+","path":"src"})"), "grep_search: x+ in src");
    EXPECT_EQ(summary(tool("list_files"), "{}"), "list_files: .");
    const std::string long_line =
        summary(tool("bash"), R"({"command":")" + std::string(1000, 'x') + R"("})");
    EXPECT_NE(long_line.find("[... 600 more bytes]"), std::string::npos);
    EXPECT_LT(long_line.size(), std::size_t{500});
}

TEST(Tools, TimeoutIsTheCallsOwnOrTheDefault) {
    EXPECT_EQ(timeout_of(tool("bash"), R"({"command":"ls"})").count(), 120'000);
    EXPECT_EQ(timeout_of(tool("bash"), R"({"command":"ls","timeout_ms":5})").count(), 5);
    EXPECT_EQ(timeout_of(tool("read_file"), R"({"path":"a"})").count(), 30'000);
}

} // namespace
} // namespace kheish::tools
