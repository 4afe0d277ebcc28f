#include "engine/event.hpp"

#include "base/text.hpp"
#include "codec/object_reader.hpp"
#include "engine/event_fields.hpp"
#include "engine/event_words.hpp"
#include "engine/governance_fields.hpp"

#include <algorithm>
#include <limits>
#include <type_traits>
#include <utility>

namespace kheish::engine {

namespace {

using codec::BlobRef;
using codec::Digest;
using codec::Json;
using codec::ObjectReader;

/// The version that encode() writes, of every type.
constexpr int kVersion = 1;
constexpr std::size_t kBodyLimitBytes = std::size_t{64} << 20U;
constexpr std::size_t kAnyCount = std::numeric_limits<std::size_t>::max();

constexpr std::array<std::string_view, 5> kModes = {
    "default", "acceptEdits", "plan", "dontAsk", "bypassPermissions"};
constexpr std::array<std::string_view, 3> kDecisions = {"allow", "ask", "deny"};
constexpr std::array<std::string_view, 3> kChoices = {"retry", "result", "abandon"};
constexpr std::array<std::string_view, 4> kEffectClasses = {
    "pure", "keyed", "reconcilable", "at_most_once"};
constexpr std::array<std::string_view, 3> kPlaces = {"runner", "daemon", "person"};

std::span<const std::string_view> words(PermissionMode /*tag*/) {
    return kModes;
}
std::span<const std::string_view> words(Decision /*tag*/) {
    return kDecisions;
}
std::span<const std::string_view> words(OutcomeChoice /*tag*/) {
    return kChoices;
}
std::span<const std::string_view> words(EffectClass /*tag*/) {
    return kEffectClasses;
}
std::span<const std::string_view> words(ToolPlace /*tag*/) {
    return kPlaces;
}

/// Archive that builds the JSON object and notes the blobs it refers to.
class Writer {
  public:
    explicit Writer(std::vector<BlobRef>& refs) : refs_(refs) {}

    template <class Value>
    void operator()(std::string_view key, Value& value) {
        object_.set(key, json(value));
    }
    void operator()(std::string_view key, std::optional<BlobRef>& value) {
        if (value)
            object_.set(key, json(*value));
    }
    void operator()(std::string_view key, std::optional<Digest>& value) {
        if (value)
            object_.set(key, json(*value));
    }
    void operator()(std::string_view key, std::optional<std::int64_t>& value) {
        if (value)
            object_.set(key, json(*value));
    }
    template <class Value>
    void operator()(std::string_view key, std::optional<Value>& value) {
        if (!value)
            return;
        Writer inner(refs_);
        detail::fields(inner, *value);
        object_.set(key, inner.object());
    }
    void unstored(std::string_view key, const std::optional<BlobRef>& value) {
        if (value)
            object_.set(key, plain(*value));
    }
    /// A member that is there only if it is true.
    void flag(std::string_view key, bool value) {
        if (value)
            object_.set(key, Json(value));
    }
    /// Members that are there only if they are not empty.
    void text(std::string_view key, const std::string& value) {
        if (!value.empty())
            object_.set(key, json(value));
    }
    void list(std::string_view key, std::vector<std::string>& values) {
        if (!values.empty())
            object_.set(key, json(values));
    }
    const Json& object() const { return object_; }

  private:
    static Json json(const std::string& text) {
        return is_valid_utf8(text) ? Json(text) : Json(to_valid_utf8(text));
    }
    static Json json(std::int64_t number) { return {number}; }
    static Json json(int number) { return {number}; }
    static Json json(uid_t uid) { return {static_cast<std::int64_t>(uid)}; }
    static Json json(bool value) { return {value}; }
    static Json json(const Digest& digest) { return {digest.to_hex()}; }
    static Json json(const Principal& principal) { return json(principal.to_string()); }
    template <class Tag>
    static Json json(const Name<Tag>& name) {
        return json(name.value);
    }
    static Json plain(const BlobRef& blob) {
        return Json::object({{"sha256", blob.digest.to_hex()}, {"size", blob.size_bytes}});
    }
    Json json(const BlobRef& blob) {
        refs_.push_back(blob);
        return plain(blob);
    }
    template <class Value>
    Json json(std::vector<Value>& values) {
        Json array = Json::array();
        for (Value& value : values)
            array.append(json(value));
        return array;
    }
    template <class Value>
    requires std::is_enum_v<Value>
    static Json json(Value& value) { return {words(value)[static_cast<std::size_t>(value)]}; }
    template <class Value>
    requires std::is_same_v<Value, TokenUsage> || std::is_same_v<Value, ScopeUsage> ||
        std::is_same_v<Value, ProposedCall>
            Json json(Value& value) {
        Writer inner(refs_);
        detail::fields(inner, value);
        return inner.object();
    }

    std::vector<BlobRef>& refs_;
    Json object_ = Json::object();
};

/// Archive that fills the struct from the JSON object.
class Reader {
  public:
    Reader(const Json& object, std::string where) : reader_(object, std::move(where)) {}

    void operator()(std::string_view key, std::string& value) {
        value = reader_.required_string(key, kBodyLimitBytes);
    }
    void operator()(std::string_view key, std::int64_t& value) {
        value = reader_.required_integer(key, std::numeric_limits<std::int64_t>::min());
    }
    void operator()(std::string_view key, std::optional<std::int64_t>& value) {
        value = reader_.optional_integer(key, std::numeric_limits<std::int64_t>::min());
    }
    void operator()(std::string_view key, int& value) {
        using Limits = std::numeric_limits<int>;
        value = static_cast<int>(reader_.required_integer(key, Limits::min(), Limits::max()));
    }
    void operator()(std::string_view key, uid_t& value) {
        value =
            static_cast<uid_t>(reader_.required_integer(key, 0, std::numeric_limits<uid_t>::max()));
    }
    void operator()(std::string_view key, bool& value) { value = reader_.required_boolean(key); }
    void operator()(std::string_view key, Digest& value) {
        value = parse_digest(key, reader_.required_string(key));
    }
    void operator()(std::string_view key, std::optional<Digest>& value) {
        value.reset();
        if (const std::optional<std::string> text = reader_.optional_string(key))
            value = parse_digest(key, *text);
    }
    void operator()(std::string_view key, Principal& value) {
        Result<Principal> principal = Principal::parse(reader_.required_string(key));
        if (principal)
            value = std::move(*principal);
        else
            reader_.reject(key, "must be a principal");
    }
    template <class Tag>
    void operator()(std::string_view key, Name<Tag>& value) {
        value.value = reader_.required_string(key, kBodyLimitBytes);
    }
    void operator()(std::string_view key, std::optional<BlobRef>& value) {
        value.reset();
        if (const std::optional<Json> object = reader_.optional_object(key))
            nested(key, *object, value.emplace());
    }
    template <class Value>
    void operator()(std::string_view key, std::optional<Value>& value) {
        value.reset();
        if (const std::optional<Json> object = reader_.optional_object(key))
            nested(key, *object, value.emplace());
    }
    void unstored(std::string_view key, std::optional<BlobRef>& value) { (*this)(key, value); }
    void flag(std::string_view key, bool& value) {
        value = reader_.optional_boolean(key).value_or(false);
    }
    void operator()(std::string_view key, std::vector<std::string>& values) {
        values = reader_.optional_strings(key, kAnyCount);
    }
    void text(std::string_view key, std::string& value) {
        value = reader_.optional_string(key, kBodyLimitBytes).value_or("");
    }
    void list(std::string_view key, std::vector<std::string>& values) { (*this)(key, values); }
    void operator()(std::string_view key, std::vector<CallId>& values) {
        for (std::string& text : reader_.optional_strings(key, kAnyCount))
            values.push_back(CallId{std::move(text)});
    }
    void operator()(std::string_view key, std::vector<ProposedCall>& values) {
        for (const Json& item : reader_.optional_array(key, kAnyCount))
            nested(key, item, values.emplace_back());
    }
    template <class Value>
    void operator()(std::string_view key, Value& value) {
        if constexpr (std::is_enum_v<Value>)
            value = static_cast<Value>(reader_.required_word(key, words(value)));
        else
            nested(key, reader_.required_object(key), value);
    }
    Status finish() { return reader_.finish(); }

  private:
    Digest parse_digest(std::string_view key, std::string_view text) {
        const std::optional<Digest> digest = Digest::parse(text);
        if (!digest)
            reader_.reject(key, "must be a SHA-256 in lower-case hexadecimal");
        return digest.value_or(Digest{});
    }
    template <class Value>
    void nested(std::string_view key, const Json& object, Value& value) {
        Reader inner(object, std::string(key));
        if constexpr (std::is_same_v<Value, BlobRef>) {
            inner("sha256", value.digest);
            inner("size", value.size_bytes);
        } else {
            detail::fields(inner, value);
        }
        if (const Status status = inner.finish(); !status)
            reader_.reject(key, "is wrong: " + status.error().message);
    }

    ObjectReader reader_;
};

template <class Body>
Result<EventBody> decode_as(const Json& object, std::string_view bytes) {
    Body body{};
    Reader reader(object, std::string(Body::kType));
    detail::fields(reader, body);
    if (Status status = reader.finish(); !status)
        return fail(Errc::journal_corrupt, std::move(status).error().message);
    EventBody event(std::move(body));
    if (encode(event).body != bytes)
        return fail(
            Errc::journal_corrupt, std::string(Body::kType) + " is not in its canonical form");
    return event;
}

using DecodeFunction = Result<EventBody> (*)(const Json&, std::string_view);
constexpr std::size_t kTypeCount = std::variant_size_v<EventBody>;

template <std::size_t... Index>
constexpr std::array<std::string_view, kTypeCount>
list_types(std::index_sequence<Index...> /*all*/) {
    return {std::variant_alternative_t<Index, EventBody>::kType...};
}
template <std::size_t... Index>
constexpr std::array<DecodeFunction, kTypeCount>
list_decoders(std::index_sequence<Index...> /*all*/) {
    return {&decode_as<std::variant_alternative_t<Index, EventBody>>...};
}

constexpr std::array<std::string_view, kTypeCount> kTypes =
    list_types(std::make_index_sequence<kTypeCount>());
constexpr std::array<DecodeFunction, kTypeCount> kDecoders =
    list_decoders(std::make_index_sequence<kTypeCount>());

} // namespace

std::string_view to_string(PermissionMode mode) {
    return detail::word_of(kModes, mode);
}

std::string_view to_string(Decision decision) {
    return detail::word_of(kDecisions, decision);
}

std::string_view to_string(OutcomeChoice choice) {
    return detail::word_of(kChoices, choice);
}

std::string_view to_string(EffectClass effect_class) {
    return detail::word_of(kEffectClasses, effect_class);
}

std::string_view to_string(ToolPlace place) {
    return detail::word_of(kPlaces, place);
}

std::optional<PermissionMode> parse_permission_mode(std::string_view text) {
    return detail::value_of<PermissionMode>(kModes, text);
}

std::optional<OutcomeChoice> parse_outcome_choice(std::string_view text) {
    return detail::value_of<OutcomeChoice>(kChoices, text);
}

std::string_view event_type(const EventBody& body) {
    return kTypes[body.index()];
}

bool is_governance(const EventBody& body) {
    return std::visit([]<class Body>(const Body& /*body*/) { return GovernanceEvent<Body>; }, body);
}

bool is_end_of_run(const EventBody& body) {
    return std::holds_alternative<RunCompleted>(body) || std::holds_alternative<RunFailed>(body) ||
           std::holds_alternative<RunInterrupted>(body) ||
           std::holds_alternative<RunCancelled>(body);
}

std::span<const std::string_view> event_types() {
    return kTypes;
}

EncodedBody encode(const EventBody& body) {
    EncodedBody encoded;
    encoded.type = event_type(body);
    encoded.version = kVersion;
    Writer writer(encoded.blob_refs);
    EventBody copy = body;
    std::visit([&writer](auto& event) { detail::fields(writer, event); }, copy);
    encoded.body = codec::canonical_json(writer.object());
    return encoded;
}

Result<EventBody> decode(std::string_view type, int version, std::string_view body) {
    const auto* const row = std::find(kTypes.begin(), kTypes.end(), type);
    if (row == kTypes.end())
        return fail(
            Errc::journal_newer_schema, "event type \"" + std::string(type) + "\" is not known");
    if (version > kVersion)
        return fail(
            Errc::journal_newer_schema,
            std::string(type) + " version " + std::to_string(version) + " is not known");
    if (version < 1)
        return fail(
            Errc::journal_corrupt,
            std::string(type) + " version " + std::to_string(version) + " never existed");
    Result<Json> object = codec::parse_json(body, {.bytes = kBodyLimitBytes});
    if (!object)
        return fail(
            Errc::journal_corrupt, std::string(type) + ": " + std::move(object).error().message);
    return kDecoders[static_cast<std::size_t>(row - kTypes.begin())](*object, body);
}

} // namespace kheish::engine
