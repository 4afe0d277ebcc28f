#pragma once

#include "base/result.hpp"
#include "codec/digest.hpp"
#include "codec/json.hpp"
#include "codec/url.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The inputs of the built-in tools as structs. Each parse() is strict (codec::ObjectReader) and is
/// the truth that the schema in the declaration describes.
namespace kheish::tools {

/// Paths are relative to the workspace, without "..", never empty; "." is the workspace itself.
struct ReadFileInput {
    std::string path;
    std::int64_t offset = 1; ///< first line, counted from 1
    std::optional<std::int64_t> limit;
    static Result<ReadFileInput> parse(const codec::Json& input);
};

struct ListFilesInput {
    std::string path = ".";
    bool recursive = false;
    std::int64_t max_depth = 8;
    std::int64_t limit = 500;
    static Result<ListFilesInput> parse(const codec::Json& input);
};

struct GrepSearchInput {
    std::string pattern;
    std::string path = ".";
    std::string glob; ///< fnmatch(3) over the file's name, or over its path if it holds a slash
    bool ignore_case = false;
    std::int64_t limit = 200;
    static Result<GrepSearchInput> parse(const codec::Json& input);
};

struct WriteFileInput {
    std::string path;
    std::string content;
    std::optional<codec::Digest> expected_sha256; ///< of what is replaced
    bool create_directories = false;
    static Result<WriteFileInput> parse(const codec::Json& input);
};

struct EditFileInput {
    std::string path;
    std::string old_string; ///< not empty
    std::string new_string; ///< another
    bool replace_all = false;
    static Result<EditFileInput> parse(const codec::Json& input);
};

struct BashInput {
    std::string command;
    std::string cwd = ".";
    std::optional<std::int64_t> timeout_ms;
    static Result<BashInput> parse(const codec::Json& input);
};

struct WebFetchInput {
    codec::Url url;
    std::int64_t offset = 0; ///< bytes of the page's text that are passed over
    std::optional<std::int64_t> timeout_ms;
    static Result<WebFetchInput> parse(const codec::Json& input);
};

struct EmitOutputInput {
    std::string content;
    static Result<EmitOutputInput> parse(const codec::Json& input);
};

/// The JSON value of a call's input, within kMaxInputBytes.
Result<codec::Json> parse_input(std::string_view input);

/// What is wrong with `path` as a path inside the workspace ("must not be empty", ...); empty where
/// nothing is.
std::string path_problem(std::string_view path);

} // namespace kheish::tools
