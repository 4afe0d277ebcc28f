#include "config/toml_file.hpp"

#include "base/fd.hpp"

#include <cerrno>
#include <optional>
#include <utility>

// The only file that sees toml++: without its exceptions, so that a failure is a value.
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

namespace kheish::config {

namespace {

/// Turns toml++'s tree into ours and keeps the places.
class Converter {
  public:
    explicit Converter(const std::string& path) : path_(path) {}

    Result<Value> convert(const toml::node& node, std::size_t depth) {
        if (depth > kNestingLimit)
            return fail(
                Errc::invalid_configuration,
                origin_of(node) + ": nested more than " + std::to_string(kNestingLimit) +
                    " levels deep");
        Value value;
        value.origin = origin_of(node);
        if (const toml::table* table = node.as_table()) {
            KHEISH_TRY(value.content, convert_table(*table, depth));
        } else if (const toml::array* array = node.as_array()) {
            KHEISH_TRY(value.content, convert_array(*array, depth));
        } else if (const toml::value<std::string>* text = node.as_string()) {
            value.content = text->get();
        } else if (const toml::value<std::int64_t>* integer = node.as_integer()) {
            value.content = integer->get();
        } else if (const toml::value<double>* number = node.as_floating_point()) {
            value.content = number->get();
        } else if (const toml::value<bool>* boolean = node.as_boolean()) {
            value.content = boolean->get();
        } else {
            return fail(
                Errc::invalid_configuration, value.origin + ": no key takes a date or a time");
        }
        return value;
    }

    std::string origin_of(const toml::node& node) const { return place(node.source().begin); }
    std::string place(const toml::source_position& position) const {
        return path_ + ":" + std::to_string(position.line);
    }

  private:
    Result<Table> convert_table(const toml::table& table, std::size_t depth) {
        Table result;
        for (const auto& [key, member] : table) {
            KHEISH_TRY(Value value, convert(member, depth + 1));
            result.emplace(std::string(key.str()), std::move(value));
        }
        return result;
    }
    Result<Array> convert_array(const toml::array& array, std::size_t depth) {
        Array result;
        for (const toml::node& item : array) {
            KHEISH_TRY(Value value, convert(item, depth + 1));
            result.push_back(std::move(value));
        }
        return result;
    }

    const std::string& path_;
};

} // namespace

Result<Value> parse_toml(std::string_view text, const std::string& path) {
    if (text.size() > kFileLimitBytes)
        return fail(
            Errc::invalid_configuration,
            path + ": longer than " + std::to_string(kFileLimitBytes) + " bytes");
    Converter converter(path);
    const toml::parse_result parsed = toml::parse(text);
    if (!parsed)
        return fail(
            Errc::invalid_configuration,
            converter.place(parsed.error().source().begin) + ": " +
                std::string(parsed.error().description()));
    return converter.convert(parsed.table(), 0);
}

Result<Value> load_toml(const std::string& path) {
    const Result<std::string> text = read_file(path, kFileLimitBytes);
    if (text)
        return parse_toml(*text, path);
    if (text.error().sys_errno == ENOENT)
        return fail(Errc::not_found, "there is no " + path);
    return fail(Errc::invalid_configuration, path + ": " + text.error().message);
}

} // namespace kheish::config
