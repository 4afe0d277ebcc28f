#include "bus/dictionary.hpp"

#include <cmath>
#include <limits>
#include <string>

namespace kheish::bus {

namespace {

using codec::Json;

class DictionaryReader {
  public:
    explicit DictionaryReader(sd_bus_message* message) : message_(message) {}

    Result<Json> object(int depth) {
        KHEISH_CHECK(enter('a', "{sv}", depth));
        Json result = Json::object();
        for (;;) {
            const int entered = sd_bus_message_enter_container(message_, 'e', "sv");
            if (entered < 0)
                return malformed();
            if (entered == 0)
                break;
            KHEISH_TRY(const std::string key, text('s'));
            if (result.find(key))
                return fail(Errc::bad_request, "the key \"" + key + "\" comes twice");
            Result<Json> member = variant(depth);
            if (!member)
                return fail(std::move(member).error().wrap(key));
            result.set(key, std::move(*member));
            KHEISH_CHECK(leave());
        }
        KHEISH_CHECK(leave());
        return result;
    }

  private:
    Result<Json> variant(int depth) {
        KHEISH_CHECK(enter('v', nullptr, depth));
        KHEISH_TRY(Json result, value(depth + 1));
        KHEISH_CHECK(leave());
        return result;
    }

    Result<Json> value(int depth) {
        if (++values_ > kDictionaryValueLimit)
            return fail(Errc::bad_request, "the dictionary holds too many values");
        char type = 0;
        const char* contents = nullptr;
        if (sd_bus_message_peek_type(message_, &type, &contents) <= 0)
            return malformed();
        if (type == 'a' && std::string_view(contents) == "{sv}")
            return object(depth);
        if (type == 'a' && *contents != '{')
            return array(contents, depth);
        if (type == 'v')
            return variant(depth);
        return basic(type);
    }

    Result<Json> array(const char* contents, int depth) {
        const std::string signature(contents);
        KHEISH_CHECK(enter('a', signature.c_str(), depth));
        Json result = Json::array();
        for (;;) {
            const int end = sd_bus_message_at_end(message_, 0);
            if (end < 0)
                return malformed();
            if (end > 0)
                break;
            KHEISH_TRY(Json item, value(depth + 1));
            result.append(std::move(item));
        }
        KHEISH_CHECK(leave());
        return result;
    }

    Result<Json> basic(char type) {
        switch (type) {
        case 's':
        case 'o': {
            KHEISH_TRY(const std::string read, text(type));
            return Json(read);
        }
        case 'b': {
            KHEISH_TRY(const int read, plain<int>(type));
            return Json(read != 0);
        }
        case 'y':
            return integer<std::uint8_t>(type);
        case 'n':
            return integer<std::int16_t>(type);
        case 'q':
            return integer<std::uint16_t>(type);
        case 'i':
            return integer<std::int32_t>(type);
        case 'u':
            return integer<std::uint32_t>(type);
        case 'x':
            return integer<std::int64_t>(type);
        case 't':
            return integer<std::uint64_t>(type);
        case 'd': {
            KHEISH_TRY(const double read, plain<double>(type));
            if (!std::isfinite(read))
                return fail(Errc::bad_request, "a number must be finite");
            return Json(read);
        }
        default:
            return fail(
                Errc::bad_request,
                std::string("a value of D-Bus type \"") + type + "\" has no place here");
        }
    }

    template <class T>
    Result<Json> integer(char type) {
        KHEISH_TRY(const T read, plain<T>(type));
        if constexpr (std::is_same_v<T, std::uint64_t>)
            if (read > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
                return fail(Errc::bad_request, "a number must be at most 2^63 - 1");
        return Json(static_cast<std::int64_t>(read));
    }

    template <class T>
    Result<T> plain(char type) {
        T read{};
        if (sd_bus_message_read_basic(message_, type, &read) <= 0)
            return malformed();
        return read;
    }

    Result<std::string> text(char type) {
        KHEISH_TRY(const char* const read, plain<const char*>(type));
        return std::string(read);
    }

    Status enter(char type, const char* contents, int depth) {
        if (depth > kDictionaryDepthLimit)
            return fail(Errc::bad_request, "the dictionary is nested too deeply");
        if (sd_bus_message_enter_container(message_, type, contents) <= 0)
            return malformed();
        return {};
    }

    Status leave() {
        if (sd_bus_message_exit_container(message_) < 0)
            return malformed();
        return {};
    }

    static tl::unexpected<Error> malformed() {
        return fail(Errc::bad_request, "the message is not what its signature says");
    }

    sd_bus_message* message_;
    int values_ = 0;
};

} // namespace

Result<Json> read_dictionary(sd_bus_message* message) {
    return DictionaryReader(message).object(0);
}

Result<Json> with_json_text(const Json& options, std::string_view key, std::size_t limit_bytes) {
    constexpr int kDepth = 32;
    const std::string text_key = std::string(key) + "_json";
    const std::optional<Json> text = options.find(text_key);
    if (!text)
        return options;
    if (!text->is_string() || options.find(key))
        return fail(
            Errc::bad_request,
            "options." + text_key + " must be JSON text instead of " + std::string(key));
    Result<Json> value = codec::parse_json(text->string(), {.bytes = limit_bytes, .depth = kDepth});
    if (!value)
        return fail(std::move(value).error().wrap("options." + text_key));
    Json body = Json::object();
    for (const std::string& member : options.keys())
        if (member != text_key)
            body.set(member, *options.find(member));
    body.set(key, std::move(*value));
    return body;
}

} // namespace kheish::bus
