#include "tools/input.hpp"

#include "codec/object_reader.hpp"
#include "tools/limits.hpp"

namespace kheish::tools {
namespace {

using codec::Json;
using codec::ObjectReader;

bool has_parent_component(std::string_view path) {
    while (!path.empty()) {
        const std::size_t slash = path.find('/');
        if (path.substr(0, slash) == "..")
            return true;
        if (slash == std::string_view::npos)
            return false;
        path.remove_prefix(slash + 1);
    }
    return false;
}

std::string checked_path(ObjectReader& reader, std::string_view key, std::string path) {
    const std::string problem = path_problem(path);
    if (!problem.empty())
        reader.reject(key, problem);
    return path;
}

std::string required_path(ObjectReader& reader, std::string_view key) {
    std::string path = reader.required_string(key);
    return reader.ok() ? checked_path(reader, key, std::move(path)) : path;
}

/// A path that does not name a directory.
std::string required_file(ObjectReader& reader, std::string_view key) {
    std::string path = required_path(reader, key);
    if (reader.ok() && (path == "." || path.back() == '/'))
        reader.reject(key, "must name a file");
    return path;
}

std::string optional_path(ObjectReader& reader, std::string_view key) {
    return checked_path(reader, key, reader.optional_string(key).value_or("."));
}

/// Text that ends up as one C string.
std::string required_text(ObjectReader& reader, std::string_view key, std::size_t limit_bytes) {
    std::string text = reader.required_string(key, limit_bytes);
    if (reader.ok() && text.empty())
        reader.reject(key, "must not be empty");
    if (text.find('\0') != std::string::npos)
        reader.reject(key, "must not hold U+0000");
    return text;
}

} // namespace

std::string path_problem(std::string_view path) {
    if (path.empty())
        return "must not be empty";
    if (path.size() > kPathBytes)
        return "is longer than " + std::to_string(kPathBytes) + " bytes";
    if (path.find('\0') != std::string_view::npos)
        return "must not hold U+0000";
    if (path.front() == '/')
        return "must lie inside the workspace: give a path relative to it";
    if (has_parent_component(path))
        return "must not hold \"..\"";
    return {};
}

Result<Json> parse_input(std::string_view input) {
    return codec::parse_json(input, {.bytes = kMaxInputBytes, .depth = 16});
}

Result<ReadFileInput> ReadFileInput::parse(const Json& input) {
    ObjectReader reader(input, "read_file");
    ReadFileInput parsed;
    parsed.path = required_path(reader, "path");
    parsed.offset = reader.optional_integer("offset", 1, kReadLines).value_or(1);
    parsed.limit = reader.optional_integer("limit", 1, kReadLines);
    KHEISH_CHECK(reader.finish());
    return parsed;
}

Result<ListFilesInput> ListFilesInput::parse(const Json& input) {
    ObjectReader reader(input, "list_files");
    ListFilesInput parsed;
    parsed.path = optional_path(reader, "path");
    parsed.recursive = reader.optional_boolean("recursive").value_or(false);
    parsed.max_depth =
        reader.optional_integer("max_depth", 1, kListDepth).value_or(parsed.max_depth);
    parsed.limit = reader.optional_integer("limit", 1, kListEntries).value_or(kListDefaultEntries);
    KHEISH_CHECK(reader.finish());
    return parsed;
}

Result<GrepSearchInput> GrepSearchInput::parse(const Json& input) {
    ObjectReader reader(input, "grep_search");
    GrepSearchInput parsed;
    parsed.pattern = required_text(reader, "pattern", kPatternBytes);
    parsed.path = optional_path(reader, "path");
    if (reader.optional_string("glob"))
        parsed.glob = required_text(reader, "glob", kGlobBytes);
    parsed.ignore_case = reader.optional_boolean("ignore_case").value_or(false);
    parsed.limit = reader.optional_integer("limit", 1, kGrepMatches).value_or(kGrepDefaultMatches);
    KHEISH_CHECK(reader.finish());
    return parsed;
}

Result<WriteFileInput> WriteFileInput::parse(const Json& input) {
    ObjectReader reader(input, "write_file");
    WriteFileInput parsed;
    parsed.path = required_file(reader, "path");
    parsed.content = reader.required_string("content", kMaxInputBytes);
    const std::optional<std::string> expected = reader.optional_string("expected_sha256", 64);
    if (expected) {
        parsed.expected_sha256 = codec::Digest::parse(*expected);
        if (!parsed.expected_sha256)
            reader.reject("expected_sha256", "must be 64 lower-case hexadecimal digits");
    }
    parsed.create_directories = reader.optional_boolean("create_directories").value_or(false);
    KHEISH_CHECK(reader.finish());
    return parsed;
}

Result<EditFileInput> EditFileInput::parse(const Json& input) {
    ObjectReader reader(input, "edit_file");
    EditFileInput parsed;
    parsed.path = required_file(reader, "path");
    parsed.old_string = reader.required_string("old_string", kMaxInputBytes);
    parsed.new_string = reader.required_string("new_string", kMaxInputBytes);
    parsed.replace_all = reader.optional_boolean("replace_all").value_or(false);
    if (reader.ok() && parsed.old_string.empty())
        reader.reject("old_string", "must not be empty");
    if (reader.ok() && parsed.old_string == parsed.new_string)
        reader.reject("new_string", "is the same as old_string");
    KHEISH_CHECK(reader.finish());
    return parsed;
}

Result<BashInput> BashInput::parse(const Json& input) {
    ObjectReader reader(input, "bash");
    BashInput parsed;
    parsed.command = required_text(reader, "command", kCommandBytes);
    parsed.cwd = optional_path(reader, "cwd");
    parsed.timeout_ms =
        reader.optional_integer("timeout_ms", kMinTimeout.count(), kMaxTimeout.count());
    KHEISH_CHECK(reader.finish());
    return parsed;
}

Result<WebFetchInput> WebFetchInput::parse(const Json& input) {
    ObjectReader reader(input, "web_fetch");
    WebFetchInput parsed;
    const std::string text = reader.required_string("url", codec::kUrlBytes);
    parsed.offset = reader.optional_integer("offset", 0, kWebTextBytes).value_or(0);
    parsed.timeout_ms =
        reader.optional_integer("timeout_ms", kMinTimeout.count(), kMaxTimeout.count());
    Result<codec::Url> url = codec::parse_url(text);
    if (url)
        parsed.url = *std::move(url);
    else if (reader.ok())
        reader.reject("url", url.error().message);
    KHEISH_CHECK(reader.finish());
    return parsed;
}

Result<EmitOutputInput> EmitOutputInput::parse(const Json& input) {
    ObjectReader reader(input, "emit_output");
    EmitOutputInput parsed;
    parsed.content = reader.required_string("content", kMaxInputBytes);
    if (reader.ok() && parsed.content.empty())
        reader.reject("content", "must not be empty");
    KHEISH_CHECK(reader.finish());
    return parsed;
}

} // namespace kheish::tools
