#include "base/assert.hpp"
#include "base/text.hpp"
#include "sandbox/launcher_protocol.hpp"
#include "sandbox/launcher_wire.hpp"

#include <algorithm>
#include <span>

namespace kheish::sandbox {

namespace {

using namespace wire::field;

struct ErrorCode {
    std::uint32_t wire;
    Errc code;
};

// Numbers of the protocol, kept when Errc changes.
constexpr std::array kErrorCodes{
    ErrorCode{1, Errc::invalid_argument},
    ErrorCode{2, Errc::launch_refused},
    ErrorCode{3, Errc::conflict},
    ErrorCode{4, Errc::sandbox_unavailable},
    ErrorCode{5, Errc::service_unavailable},
    ErrorCode{6, Errc::timeout},
    ErrorCode{7, Errc::not_found},
    ErrorCode{8, Errc::protocol_error},
    ErrorCode{9, Errc::rate_limited},
    ErrorCode{10, Errc::invalid_configuration},
    ErrorCode{11, Errc::internal},
};

std::string encode_body(std::uint64_t number, const Error& error) {
    wire::Failed out{};
    out.header = header(wire::Kind::failed, number);
    const auto* const row =
        std::find_if(kErrorCodes.begin(), kErrorCodes.end(), [&error](const ErrorCode& candidate) {
            return candidate.code == error.code;
        });
    out.code = row == kErrorCodes.end() ? kErrorCodes.back().wire : row->wire;
    out.sys_errno = error.sys_errno;
    out.transient = error.transient ? 1 : 0;
    put_text(truncate_utf8(to_valid_utf8(error.message), kReplyTextLimitBytes), out.message);
    return to_bytes(out);
}

std::string encode_body(std::uint64_t number, const StartedReply& reply) {
    wire::Started out{};
    out.header = header(wire::Kind::started, number);
    out.degraded = (reply.degraded.memory ? wire::kDegradedMemory : 0U) |
                   (reply.degraded.tasks ? wire::kDegradedTasks : 0U) |
                   (reply.degraded.cpu ? wire::kDegradedCpu : 0U) |
                   (reply.degraded.io ? wire::kDegradedIo : 0U);
    put_text(reply.slice_cgroup, out.slice_cgroup);
    put_text(reply.socket, out.socket);
    return to_bytes(out);
}

std::string encode_body(std::uint64_t number, const StoppedReply& reply) {
    return to_bytes(wire::Stopped{header(wire::Kind::stopped, number), reply.scopes_killed, 0});
}

std::string encode_body(std::uint64_t number, const SweptReply& reply) {
    return to_bytes(
        wire::Swept{header(wire::Kind::swept, number), reply.scopes_killed, reply.slices_released});
}

std::string encode_body(std::uint64_t number, const ListReply& reply) {
    KHEISH_ASSERT(reply.entries.size() <= kListPageEntries);
    wire::Listed out{};
    out.header = header(wire::Kind::listed, number);
    out.count = static_cast<std::uint32_t>(reply.entries.size());
    out.more = reply.more ? 1 : 0;
    for (std::size_t i = 0; i < reply.entries.size(); ++i)
        out.entries[i] = {to_wire(reply.entries[i].attempt), reply.entries[i].journal};
    return to_bytes(out);
}

Result<Error> decode_failed(std::string_view message) {
    KHEISH_TRY(const wire::Failed in, from_bytes<wire::Failed>(message));
    const auto* const row =
        std::find_if(kErrorCodes.begin(), kErrorCodes.end(), [&in](const ErrorCode& candidate) {
            return candidate.wire == in.code;
        });
    if (row == kErrorCodes.end() || in.reserved != 0)
        return refused("an unknown error code");
    KHEISH_TRY(const bool transient, take_flag(in.transient, "transient"));
    KHEISH_TRY(std::string text, take_text(in.message, "the message"));
    return Error{row->code, std::move(text), in.sys_errno, transient};
}

Result<StartedReply> decode_started(std::string_view message) {
    KHEISH_TRY(const wire::Started in, from_bytes<wire::Started>(message));
    if (in.degraded > wire::kDegradedAll || in.reserved != 0)
        return refused("unknown degraded controllers");
    StartedReply reply;
    reply.degraded = {
        .memory = (in.degraded & wire::kDegradedMemory) != 0,
        .tasks = (in.degraded & wire::kDegradedTasks) != 0,
        .cpu = (in.degraded & wire::kDegradedCpu) != 0,
        .io = (in.degraded & wire::kDegradedIo) != 0};
    KHEISH_TRY(reply.slice_cgroup, take_text(in.slice_cgroup, "the cgroup path"));
    KHEISH_TRY(reply.socket, take_text(in.socket, "the socket path"));
    return reply;
}

Result<ListReply> decode_listed(std::string_view message) {
    KHEISH_TRY(const wire::Listed in, from_bytes<wire::Listed>(message));
    if (in.count > kListPageEntries)
        return refused("a list longer than a page");
    ListReply reply;
    KHEISH_TRY(reply.more, take_flag(in.more, "more"));
    for (const wire::Entry& entry : std::span(in.entries).first(in.count)) {
        KHEISH_TRY(const Attempt attempt, from_wire(entry.attempt, 1));
        reply.entries.push_back({attempt, entry.journal});
    }
    return reply;
}

} // namespace

std::string encode(const Reply& reply) {
    return std::visit(
        [&reply](const auto& body) { return encode_body(reply.number, body); }, reply.body);
}

Result<Reply> decode_reply(std::string_view message) {
    KHEISH_TRY(const wire::Header header, take_header(message));
    Reply reply{header.number, {}};
    switch (static_cast<wire::Kind>(header.kind)) {
    case wire::Kind::failed: {
        KHEISH_TRY(reply.body, decode_failed(message));
        return reply;
    }
    case wire::Kind::started: {
        KHEISH_TRY(reply.body, decode_started(message));
        return reply;
    }
    case wire::Kind::stopped: {
        KHEISH_TRY(const wire::Stopped in, from_bytes<wire::Stopped>(message));
        if (in.reserved != 0)
            return refused("reserved bytes are set");
        reply.body = StoppedReply{in.scopes_killed};
        return reply;
    }
    case wire::Kind::listed: {
        KHEISH_TRY(reply.body, decode_listed(message));
        return reply;
    }
    case wire::Kind::swept: {
        KHEISH_TRY(const wire::Swept in, from_bytes<wire::Swept>(message));
        reply.body = SweptReply{in.scopes_killed, in.slices_released};
        return reply;
    }
    default:
        return refused("message kind " + std::to_string(header.kind) + " is no reply");
    }
}

} // namespace kheish::sandbox
