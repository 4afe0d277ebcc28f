#include "codec/runner_message.hpp"

#include "base/text.hpp"
#include "codec/json.hpp"
#include "codec/object_reader.hpp"

#include <array>
#include <limits>

namespace kheish::codec::runner {
namespace {

constexpr std::string_view kMagic = "KHRM";
constexpr std::uint8_t kFormat = 1;
constexpr std::size_t kToolNameBytes = 128;
constexpr std::array<std::string_view, 4> kKinds{"ok", "failed", "timed_out", "cancelled"};

// --- little-endian numbers

template <std::unsigned_integral T>
void put(std::string& out, T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i)
        out.push_back(static_cast<char>(static_cast<std::uint8_t>(
            static_cast<std::uint64_t>(value) >> (8U * static_cast<unsigned>(i)))));
}

template <std::unsigned_integral T>
T get(std::string_view bytes, std::size_t offset) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i)
        value |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(bytes[offset + i]))
                 << (8U * static_cast<unsigned>(i));
    return static_cast<T>(value);
}

// --- bodies

Json call_list(const std::vector<CallId>& calls) {
    Json list = Json::array();
    for (const CallId& call : calls)
        list.append(Json(call.value));
    return list;
}

Json write(const HelloRequest& m) {
    return Json::object(
        {{"oldest_version", m.oldest_version},
         {"newest_version", m.newest_version},
         {"run", m.run.number},
         {"attempt", m.attempt}});
}

Json write(const HelloReply& m) {
    return Json::object(
        {{"version", m.version},
         {"running", call_list(m.running)},
         {"finished", call_list(m.finished)}});
}

Json change_object(const ContentChange& change) {
    return Json::object({{"before", change.before.to_hex()}, {"after", change.after.to_hex()}});
}

Json write(const Execute& m) {
    Json body = Json::object(
        {{"call", m.call.value},
         {"tool", m.tool},
         {"input_in_memfd", m.input_in_memfd},
         {"spool", m.spool},
         {"timeout_ms", m.timeout_ms},
         {"output_limit_bytes", m.output_limit_bytes}});
    if (m.recorded)
        body.set("recorded", change_object(*m.recorded));
    return body;
}

Json write(const Cancel& m) {
    return Json::object({{"call", m.call.value}});
}

Json write(const Acknowledge& m) {
    return Json::object({{"call", m.call.value}});
}

Json write(const Finished& m) {
    Json body = Json::object(
        {{"call", m.call.value},
         {"kind", to_string(m.kind)},
         {"truncated", m.truncated},
         {"duration_us", m.duration_us}});
    body.set_optional("exit_code", m.exit_code);
    if (m.spool)
        body.set(
            "spool",
            Json::object({{"sha256", m.spool->digest.to_hex()}, {"size", m.spool->size_bytes}}));
    return body;
}

Json write(const Progress& m) {
    return Json::object({{"call", m.call.value}, {"output_bytes", m.output_bytes}});
}

Json write(const Prepared& m) {
    return Json::object({{"call", m.call.value}, {"change", change_object(m.change)}});
}

Json write(const Proceed& m) {
    return Json::object({{"call", m.call.value}});
}

Json write(const Refused& m) {
    return Json::object({{"reason", truncate_utf8(m.reason, kReasonBytes)}});
}

Json write(const ProjectPermissions& m) {
    return Json::object({{"found", m.found}, {"error", truncate_utf8(m.error, kReasonBytes)}});
}

std::string_view payload_of(const Message& message) {
    if (const Execute* execute = std::get_if<Execute>(&message))
        return execute->input;
    if (const Finished* finished = std::get_if<Finished>(&message))
        return finished->text;
    if (const ProjectPermissions* project = std::get_if<ProjectPermissions>(&message))
        return project->text;
    return {};
}

CallId read_call(ObjectReader& reader) {
    CallId call{reader.required_string("call", kCallIdBytes)};
    if (reader.ok() && call.empty())
        reader.reject("call", "must not be empty");
    return call;
}

std::vector<CallId> read_calls(ObjectReader& reader, std::string_view key) {
    std::vector<CallId> calls;
    for (std::string& call : reader.optional_strings(key, kKnownCalls)) {
        if (call.empty() || call.size() > kCallIdBytes)
            reader.reject(key, "holds no call id");
        calls.push_back(CallId{std::move(call)});
    }
    return calls;
}

ContentChange read_change(ObjectReader& reader, std::string_view key, const Json& object) {
    ObjectReader inner(object, std::string(key));
    const std::optional<Digest> before = Digest::parse(inner.required_string("before", 64));
    const std::optional<Digest> after = Digest::parse(inner.required_string("after", 64));
    if (!inner.finish() || !before || !after)
        reader.reject(key, "must hold before and after");
    return {before.value_or(Digest{}), after.value_or(Digest{})};
}

int read_int(ObjectReader& reader, std::string_view key, int smallest) {
    return static_cast<int>(
        reader.required_integer(key, smallest, std::numeric_limits<int>::max()));
}

template <class T>
Message read(ObjectReader& reader);

template <>
Message read<HelloRequest>(ObjectReader& reader) {
    HelloRequest m;
    m.oldest_version = read_int(reader, "oldest_version", 1);
    m.newest_version = read_int(reader, "newest_version", 1);
    m.run.number = reader.required_integer("run", 1);
    m.attempt = read_int(reader, "attempt", 1);
    return m;
}

template <>
Message read<HelloReply>(ObjectReader& reader) {
    HelloReply m;
    m.version = read_int(reader, "version", 1);
    m.running = read_calls(reader, "running");
    m.finished = read_calls(reader, "finished");
    return m;
}

template <>
Message read<Execute>(ObjectReader& reader) {
    Execute m;
    m.call = read_call(reader);
    m.tool = reader.required_string("tool", kToolNameBytes);
    m.input_in_memfd = reader.required_boolean("input_in_memfd");
    m.spool = reader.required_boolean("spool");
    m.timeout_ms = reader.required_integer("timeout_ms", 1);
    m.output_limit_bytes = reader.required_integer("output_limit_bytes", 1);
    if (const std::optional<Json> recorded = reader.optional_object("recorded"))
        m.recorded = read_change(reader, "recorded", *recorded);
    return m;
}

template <>
Message read<Cancel>(ObjectReader& reader) {
    return Cancel{read_call(reader)};
}

template <>
Message read<Acknowledge>(ObjectReader& reader) {
    return Acknowledge{read_call(reader)};
}

template <>
Message read<Finished>(ObjectReader& reader) {
    Finished m;
    m.call = read_call(reader);
    m.kind = static_cast<Finished::Kind>(reader.required_word("kind", kKinds));
    m.truncated = reader.required_boolean("truncated");
    m.duration_us = reader.required_integer("duration_us");
    if (const std::optional<std::int64_t> code = reader.optional_integer("exit_code", 0, 255))
        m.exit_code = static_cast<int>(*code);
    const std::optional<Json> spool = reader.optional_object("spool");
    if (!spool)
        return m;
    ObjectReader inner(*spool, "spool");
    const std::optional<Digest> digest = Digest::parse(inner.required_string("sha256", 64));
    m.spool = BlobRef{digest.value_or(Digest{}), inner.required_integer("size")};
    if (!inner.finish() || !digest)
        reader.reject("spool", "must hold sha256 and size");
    return m;
}

template <>
Message read<Progress>(ObjectReader& reader) {
    Progress m;
    m.call = read_call(reader);
    m.output_bytes = reader.required_integer("output_bytes");
    return m;
}

template <>
Message read<Refused>(ObjectReader& reader) {
    return Refused{reader.required_string("reason", kReasonBytes)};
}

template <>
Message read<Prepared>(ObjectReader& reader) {
    Prepared m;
    m.call = read_call(reader);
    m.change = read_change(reader, "change", reader.required_object("change"));
    return m;
}

template <>
Message read<Proceed>(ObjectReader& reader) {
    return Proceed{read_call(reader)};
}

template <>
Message read<ProjectPermissions>(ObjectReader& reader) {
    ProjectPermissions m;
    m.found = reader.required_boolean("found");
    m.error = reader.required_string("error", kReasonBytes);
    return m;
}

using Reader = Message (*)(ObjectReader&);

/// Row i reads the body of Message alternative i; its type byte is i + 1.
constexpr std::array<Reader, std::variant_size_v<Message>> kReaders{
    read<HelloRequest>,
    read<HelloReply>,
    read<Execute>,
    read<Cancel>,
    read<Acknowledge>,
    read<Finished>,
    read<Progress>,
    read<Refused>,
    read<Prepared>,
    read<Proceed>,
    read<ProjectPermissions>};

tl::unexpected<Error> broken(std::string message) {
    return fail(Errc::protocol_error, "runner channel: " + std::move(message));
}

/// Lengths, magic, format and type; what the header alone can tell.
Status check_header(std::string_view packet) {
    if (packet.size() < kHeaderBytes)
        return broken("a packet of " + std::to_string(packet.size()) + " bytes has no header");
    if (packet.size() > kMessageBytes)
        return broken("a packet is longer than " + std::to_string(kMessageBytes) + " bytes");
    if (packet.substr(0, kMagic.size()) != kMagic)
        return broken("a packet does not begin with KHRM");
    if (get<std::uint8_t>(packet, 4) != kFormat)
        return broken("unknown format " + std::to_string(get<std::uint8_t>(packet, 4)));
    const std::size_t type = get<std::uint8_t>(packet, 5);
    if (type == 0 || type > kReaders.size())
        return broken("unknown message type " + std::to_string(type));
    if (get<std::uint16_t>(packet, 6) != 0)
        return broken("reserved bytes are set");
    const std::uint64_t body = get<std::uint32_t>(packet, 16);
    const std::uint64_t payload = get<std::uint32_t>(packet, 20);
    if (kHeaderBytes + body + payload != packet.size())
        return broken("the lengths in a header do not add up to the packet");
    if (payload > kPayloadBytes)
        return broken("a payload is longer than " + std::to_string(kPayloadBytes) + " bytes");
    return {};
}

/// Puts the payload where its message has room for it.
Status place_payload(Message& message, std::string_view payload) {
    Execute* execute = std::get_if<Execute>(&message);
    Finished* finished = std::get_if<Finished>(&message);
    if (execute != nullptr && execute->input_in_memfd && !payload.empty())
        return broken("an input is in the packet and in a memfd");
    ProjectPermissions* project = std::get_if<ProjectPermissions>(&message);
    if ((finished != nullptr || project != nullptr) && !is_valid_utf8(payload))
        return broken("a text is not UTF-8");
    if (execute != nullptr)
        execute->input = payload;
    else if (finished != nullptr)
        finished->text = payload;
    else if (project != nullptr)
        project->text = payload;
    else if (!payload.empty())
        return broken("a message without payload has one");
    return {};
}

} // namespace

std::string_view to_string(Finished::Kind kind) {
    return kKinds.at(static_cast<std::size_t>(kind));
}

std::size_t descriptor_count(const Message& message) {
    const Execute* execute = std::get_if<Execute>(&message);
    if (execute == nullptr)
        return 0;
    return (execute->spool ? 1U : 0U) + (execute->input_in_memfd ? 1U : 0U);
}

Result<std::string> encode(const Message& message, std::uint64_t sequence) {
    const std::string body = std::visit(
        [](const auto& alternative) { return canonical_json(write(alternative)); }, message);
    const std::string_view payload = payload_of(message);
    if (payload.size() > kPayloadBytes ||
        kHeaderBytes + body.size() + payload.size() > kMessageBytes)
        return fail(Errc::payload_too_large, "a message to or from a runner does not fit a packet");
    std::string packet(kMagic);
    put<std::uint8_t>(packet, kFormat);
    put<std::uint8_t>(packet, static_cast<std::uint8_t>(message.index() + 1));
    put<std::uint16_t>(packet, 0);
    put<std::uint64_t>(packet, sequence);
    put<std::uint32_t>(packet, static_cast<std::uint32_t>(body.size()));
    put<std::uint32_t>(packet, static_cast<std::uint32_t>(payload.size()));
    packet.append(body).append(payload);
    return packet;
}

Result<Decoded> decode(std::string_view packet, std::size_t descriptors) {
    KHEISH_CHECK(check_header(packet));
    const std::size_t body_size = get<std::uint32_t>(packet, 16);
    const Result<Json> body = parse_json(packet.substr(kHeaderBytes, body_size));
    if (!body)
        return broken("a body is no JSON: " + body.error().message);
    ObjectReader reader(*body, "body");
    Decoded decoded{
        get<std::uint64_t>(packet, 8), kReaders.at(get<std::uint8_t>(packet, 5) - 1U)(reader)};
    if (const Status status = reader.finish(); !status)
        return broken(status.error().message);
    KHEISH_CHECK(place_payload(decoded.message, packet.substr(kHeaderBytes + body_size)));
    if (descriptors != descriptor_count(decoded.message))
        return broken(
            "a message came with " + std::to_string(descriptors) + " descriptors instead of " +
            std::to_string(descriptor_count(decoded.message)));
    return decoded;
}

} // namespace kheish::codec::runner
