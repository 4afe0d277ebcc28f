#include "sandbox/launcher_protocol.hpp"
#include "sandbox/launcher_wire.hpp"

#include <span>

namespace kheish::sandbox {

namespace {

using namespace wire::field;

Status check_limits(const Limits& limits) {
    constexpr std::uint64_t kWeightLimit = 10000;
    constexpr std::uint64_t kAmountLimit = std::uint64_t{1} << 53;
    if (limits.cpu_weight > kWeightLimit || limits.io_weight > kWeightLimit)
        return refused("a weight above 10000");
    for (const std::uint64_t amount :
         {limits.memory_max_bytes,
          limits.tasks_max,
          limits.cpu_quota_us_per_second,
          limits.runtime_max_us})
        if (amount > kAmountLimit)
            return refused("a limit out of range");
    return {};
}

Result<std::string> encode_body(std::uint64_t number, const StartRequest& request) {
    KHEISH_CHECK(check_attempt(request.attempt, 1));
    KHEISH_CHECK(check_limits(request.limits));
    if (request.workspace.size() > kWorkspacePathLimitBytes)
        return refused("the workspace path is too long");
    if (request.profile.size() >= wire::kProfileBytes)
        return refused("the profile name is too long");
    wire::Start out{};
    out.header = header(wire::Kind::start, number);
    out.journal = request.journal;
    out.attempt = to_wire(request.attempt);
    out.run_as = request.run_as;
    out.limits = {
        request.limits.memory_max_bytes,
        request.limits.tasks_max,
        request.limits.cpu_weight,
        request.limits.cpu_quota_us_per_second,
        request.limits.io_weight,
        request.limits.runtime_max_us};
    put_text(request.profile, out.profile);
    put_text(request.workspace, out.workspace);
    return to_bytes(out);
}

Result<std::string> encode_body(std::uint64_t number, const StopRequest& request) {
    KHEISH_CHECK(check_attempt(request.attempt, 0));
    wire::Stop out{};
    out.header = header(wire::Kind::stop, number);
    out.attempt = to_wire(request.attempt);
    out.release = request.release ? 1 : 0;
    return to_bytes(out);
}

Result<std::string> encode_body(std::uint64_t number, const ListRequest& request) {
    wire::List out{};
    out.header = header(wire::Kind::list, number);
    out.after = to_wire(request.after);
    return to_bytes(out);
}

Result<std::string> encode_body(std::uint64_t number, const SweepRequest& request) {
    if (request.live.size() > kSweepLiveRunsLimit)
        return refused("too many live runs for one sweep");
    wire::Sweep out{};
    out.header = header(wire::Kind::sweep, number);
    out.journal = request.journal;
    out.count = static_cast<std::uint32_t>(request.live.size());
    for (std::size_t i = 0; i < request.live.size(); ++i) {
        KHEISH_CHECK(check_attempt(request.live[i], 0));
        out.live[i] = to_wire(request.live[i]);
    }
    return to_bytes(out);
}

Result<StartRequest> decode_start(std::string_view message) {
    KHEISH_TRY(const wire::Start in, from_bytes<wire::Start>(message));
    StartRequest request;
    request.journal = in.journal;
    KHEISH_TRY(request.attempt, from_wire(in.attempt, 1));
    if (in.reserved != 0)
        return refused("reserved bytes are set");
    request.run_as = in.run_as;
    request.limits = {
        in.limits.memory_max_bytes,
        in.limits.tasks_max,
        in.limits.cpu_weight,
        in.limits.cpu_quota_us_per_second,
        in.limits.io_weight,
        in.limits.runtime_max_us};
    KHEISH_CHECK(check_limits(request.limits));
    KHEISH_TRY(request.profile, take_text(in.profile, "the profile name"));
    KHEISH_TRY(request.workspace, take_text(in.workspace, "the workspace path"));
    return request;
}

Result<StopRequest> decode_stop(std::string_view message) {
    KHEISH_TRY(const wire::Stop in, from_bytes<wire::Stop>(message));
    StopRequest request;
    KHEISH_TRY(request.attempt, from_wire(in.attempt, 0));
    KHEISH_TRY(request.release, take_flag(in.release, "release"));
    if (in.reserved != 0)
        return refused("reserved bytes are set");
    return request;
}

Result<ListRequest> decode_list(std::string_view message) {
    KHEISH_TRY(const wire::List in, from_bytes<wire::List>(message));
    if (in.after.reserved != 0 || in.after.run < 0 || in.after.number < 0)
        return refused("a list position out of range");
    return ListRequest{{RunId{in.after.run}, in.after.number}};
}

Result<SweepRequest> decode_sweep(std::string_view message) {
    KHEISH_TRY(const wire::Sweep in, from_bytes<wire::Sweep>(message));
    if (in.count > kSweepLiveRunsLimit || in.reserved != 0)
        return refused("too many live runs for one sweep");
    SweepRequest request{in.journal, {}};
    for (const wire::ScopeKey& entry : std::span(in.live).first(in.count)) {
        KHEISH_TRY(const Attempt attempt, from_wire(entry, 0));
        request.live.push_back(attempt);
    }
    return request;
}

} // namespace

Result<std::string> encode(const Request& request) {
    Result<std::string> bytes = std::visit(
        [&request](const auto& body) { return encode_body(request.number, body); }, request.body);
    if (!bytes)
        return fail(Errc::invalid_argument, std::move(bytes).error().message);
    return bytes;
}

Result<Request> decode_request(std::string_view message) {
    KHEISH_TRY(const wire::Header header, take_header(message));
    Request request{header.number, {}};
    switch (static_cast<wire::Kind>(header.kind)) {
    case wire::Kind::start: {
        KHEISH_TRY(request.body, decode_start(message));
        return request;
    }
    case wire::Kind::stop: {
        KHEISH_TRY(request.body, decode_stop(message));
        return request;
    }
    case wire::Kind::list: {
        KHEISH_TRY(request.body, decode_list(message));
        return request;
    }
    case wire::Kind::sweep: {
        KHEISH_TRY(request.body, decode_sweep(message));
        return request;
    }
    default:
        return refused("message kind " + std::to_string(header.kind) + " is no request");
    }
}

std::uint64_t request_number(std::string_view message) {
    if (message.size() < sizeof(wire::Header))
        return 0;
    wire::Header header{};
    std::memcpy(&header, message.data(), sizeof header);
    return header.number;
}

} // namespace kheish::sandbox
