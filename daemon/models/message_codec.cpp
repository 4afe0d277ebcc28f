#include "base/text.hpp"
#include "codec/digest.hpp"
#include "codec/object_reader.hpp"
#include "models/model.hpp"

#include <array>

namespace kheish::models {

namespace {

using codec::Json;
using codec::ObjectReader;

constexpr std::int64_t kVersion = 1;
/// Above any message that the limits of a turn let through: tool results of one batch.
constexpr std::size_t kMessageLimitBytes = std::size_t{256} << 20U;
constexpr std::size_t kPartLimit = 65'536;
constexpr std::array<std::string_view, 2> kRoles{"user", "assistant"};
constexpr std::array<std::string_view, 4> kPartTypes{"text", "tool_call", "tool_result", "opaque"};

Json encode_part(const Text& part) {
    return Json::object({{"type", "text"}, {"text", to_valid_utf8(part.text)}});
}

Json encode_part(const ToolCall& part) {
    return Json::object(
        {{"type", "tool_call"}, {"id", part.id}, {"tool", part.tool}, {"input", part.input}});
}

Json encode_part(const ToolResult& part) {
    return Json::object(
        {{"type", "tool_result"},
         {"call_id", part.call_id},
         {"text", to_valid_utf8(part.text)},
         {"is_error", part.is_error}});
}

Json encode_part(const Opaque& part) {
    Json value = Json::object({{"type", "opaque"}, {"driver", part.driver}});
    return is_valid_utf8(part.bytes) ? value.set("bytes", part.bytes)
                                     : value.set("base64", codec::base64_encode(part.bytes));
}

Result<std::string> decode_opaque_bytes(ObjectReader& reader) {
    const std::optional<std::string> bytes = reader.optional_string("bytes", kMessageLimitBytes);
    const std::optional<std::string> base64 = reader.optional_string("base64", kMessageLimitBytes);
    if (bytes.has_value() == base64.has_value())
        reader.reject("bytes", "or base64 must be there, and not both");
    return base64 ? codec::base64_decode(*base64) : bytes.value_or("");
}

Result<Part> decode_part(const Json& value) {
    ObjectReader reader(value, "part");
    Part part;
    switch (reader.required_word("type", kPartTypes)) {
    case 0:
        part = Text{reader.required_string("text", kMessageLimitBytes)};
        break;
    case 1:
        part = ToolCall{
            reader.required_string("id"),
            reader.required_string("tool"),
            reader.required_string("input", kMessageLimitBytes)};
        break;
    case 2:
        part = ToolResult{
            reader.required_string("call_id"),
            reader.required_string("text", kMessageLimitBytes),
            reader.required_boolean("is_error")};
        break;
    default: {
        Opaque opaque{.driver = reader.required_string("driver"), .bytes = {}};
        KHEISH_TRY(opaque.bytes, decode_opaque_bytes(reader));
        part = std::move(opaque);
        break;
    }
    }
    KHEISH_CHECK(reader.finish());
    return part;
}

Result<Message> decode_checked(std::string_view bytes) {
    KHEISH_TRY(const Json value, codec::parse_json(bytes, {.bytes = kMessageLimitBytes}));
    ObjectReader reader(value, "message");
    (void)reader.required_integer("version", kVersion, kVersion);
    Message message;
    message.role = static_cast<Message::Role>(reader.required_word("role", kRoles));
    const std::vector<Json> parts = reader.optional_array("parts", kPartLimit);
    KHEISH_CHECK(reader.finish());
    for (const Json& part : parts) {
        KHEISH_TRY(Part decoded, decode_part(part));
        message.parts.push_back(std::move(decoded));
    }
    if (encode_message(message) != bytes)
        return fail(Errc::bad_request, "message is not in its canonical form");
    return message;
}

} // namespace

std::string encode_message(const Message& message) {
    Json parts = Json::array();
    for (const Part& part : message.parts)
        parts.append(std::visit([](const auto& kind) { return encode_part(kind); }, part));
    return codec::canonical_json(Json::object(
        {{"version", kVersion},
         {"role", kRoles.at(static_cast<std::size_t>(message.role))},
         {"parts", parts}}));
}

Result<Message> decode_message(std::string_view bytes) {
    Result<Message> message = decode_checked(bytes);
    if (!message)
        return fail(Errc::journal_corrupt, "a stored message: " + message.error().message);
    return message;
}

} // namespace kheish::models
