#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "codec/digest.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// What kheishd and a run's runner say to each other, over a SOCK_SEQPACKET socket (unix(7)). One
/// message is one packet:
///
///     offset 0   "KHRM"
///            4   format, 1 byte: 1
///            5   type, 1 byte
///            6   0, 2 bytes
///            8   sequence, 8 bytes: 1, 2, 3, ... in each direction of each connection
///           16   length of the body, 4 bytes
///           20   length of the payload, 4 bytes
///           24   body: canonical JSON of an object, then payload: bytes
///
/// Numbers are little-endian. The framing never changes; what bodies may say is settled by the two
/// hellos, and nothing newer than the agreed version is sent. The daemon connects and says hello,
/// the runner answers hello with everything it knows, then sends what the project permits, a
/// `finished` for each outcome that it still keeps and a `prepared` for each call that waits for a
/// `proceed`; any reconnection begins the same way, so neither side needs to remember what the
/// other has heard.
namespace kheish::codec::runner {

inline constexpr int kNewestVersion = 3;
inline constexpr int kPreparedVersion = 2; ///< the first with prepared, proceed, Execute::recorded
inline constexpr int kProjectVersion = 3;  ///< the first with ProjectPermissions
inline constexpr int kOldestVersion = 1;
inline constexpr std::size_t kMessageBytes = std::size_t{64} << 10U;
inline constexpr std::size_t kHeaderBytes = 24;
inline constexpr std::size_t kPayloadBytes = std::size_t{48} << 10U;
inline constexpr std::size_t kCallIdBytes = 64;
inline constexpr std::size_t kKnownCalls = 150; ///< running or unacknowledged at one time
inline constexpr std::size_t kReasonBytes = 1024;

/// Daemon to runner, first message: versions it speaks, and which runner it believes to talk to.
struct HelloRequest {
    int oldest_version = kOldestVersion;
    int newest_version = kNewestVersion;
    RunId run;
    int attempt = 1;
    friend bool operator==(const HelloRequest&, const HelloRequest&) = default;
};

/// Where a project says what it does not permit, below the workspace.
inline constexpr std::string_view kProjectPermissionsPath = ".kheish/permissions.toml";

/// Runner to daemon, once after each answer to hello: that file, as it was when the runner began.
struct ProjectPermissions {
    bool found = false;
    std::string text;  ///< the payload: UTF-8, the file as it is
    std::string error; ///< why it cannot be read; empty where it can, or is not there
    friend bool operator==(const ProjectPermissions&, const ProjectPermissions&) = default;
};

/// Runner to daemon, the answer. A `finished` follows for each call in `finished`, in that order.
struct HelloReply {
    int version = kNewestVersion; ///< the newest that both speak
    std::vector<CallId> running;
    std::vector<CallId> finished;
    friend bool operator==(const HelloReply&, const HelloReply&) = default;
};

/// Daemon to runner. Carries the write end of the spool file if `spool`, then a sealed memfd
/// (memfd_create(2)) with the input if it is longer than a payload.
struct Execute {
    CallId call;
    std::string tool;
    std::string input; ///< the payload; empty on the wire where `input_in_memfd`
    bool input_in_memfd = false;
    bool spool = false;
    std::int64_t timeout_ms = 0;
    std::int64_t output_limit_bytes = 0;
    /// What an earlier execution of the call had prepared: to be looked for first.
    std::optional<ContentChange> recorded = {};
    friend bool operator==(const Execute&, const Execute&) = default;
};

struct Cancel {
    CallId call;
    friend bool operator==(const Cancel&, const Cancel&) = default;
};

/// Daemon to runner: the outcome is journaled, forget it.
struct Acknowledge {
    CallId call;
    friend bool operator==(const Acknowledge&, const Acknowledge&) = default;
};

/// Runner to daemon: a call's end. Sent again after every hello until acknowledged.
struct Finished {
    enum class Kind : std::uint8_t { ok, failed, timed_out, cancelled };
    CallId call;
    Kind kind = Kind::ok;
    std::string text; ///< the payload: UTF-8, what the model is told
    std::optional<int> exit_code;
    bool truncated = false;
    std::optional<BlobRef> spool; ///< what was written to the spool
    std::int64_t duration_us = 0;
    friend bool operator==(const Finished&, const Finished&) = default;
};

/// Runner to daemon: output so far; at most a few a second.
struct Progress {
    CallId call;
    std::int64_t output_bytes = 0;
    friend bool operator==(const Progress&, const Progress&) = default;
};

/// Runner to daemon: the call knows what it will change and waits for `proceed`. Sent again after
/// every hello until that comes.
struct Prepared {
    CallId call;
    ContentChange change;
    friend bool operator==(const Prepared&, const Prepared&) = default;
};

/// Daemon to runner: what the call has prepared is journaled.
struct Proceed {
    CallId call;
    friend bool operator==(const Proceed&, const Proceed&) = default;
};

/// Either way, before closing a connection whose other side has broken the protocol. Calls go on.
struct Refused {
    std::string reason;
    friend bool operator==(const Refused&, const Refused&) = default;
};

using Message = std::variant<
    HelloRequest,
    HelloReply,
    Execute,
    Cancel,
    Acknowledge,
    Finished,
    Progress,
    Refused,
    Prepared,
    Proceed,
    ProjectPermissions>;

std::string_view to_string(Finished::Kind kind);

/// How many descriptors travel with `message`.
std::size_t descriptor_count(const Message& message);

/// The packet. Errc::payload_too_large where it would not fit.
Result<std::string> encode(const Message& message, std::uint64_t sequence);

struct Decoded {
    std::uint64_t sequence = 0;
    Message message;
};

/// Errc::protocol_error names what no peer of any version may send: lengths that do not add up,
/// unknown format or type, a body with missing, unknown or ill-typed members, a wrong number of
/// descriptors.
Result<Decoded> decode(std::string_view packet, std::size_t descriptors);

} // namespace kheish::codec::runner
