#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <sys/types.h>

namespace kheish::sandbox {

/// The protocol between kheishd and kheish-launcher: one message per SOCK_SEQPACKET datagram, in
/// host byte order (both ends are one machine), each kind of one fixed size. Text is padded with
/// NULs and ends in one. A message with a wrong size, magic, version or kind, text that is
/// unterminated or followed by anything but NULs, or a number out of range is refused whole.
/// Several requests may be under way on one connection; replies carry the request's number and
/// come in any order. A peer that speaks another version gets the error "protocol version".
inline constexpr std::uint32_t kProtocolMagic = 0x4c48'484b; // "KHHL"
inline constexpr std::uint16_t kProtocolVersion = 1;

inline constexpr std::size_t kMessageLimitBytes = 32768;
inline constexpr std::size_t kWorkspacePathLimitBytes = 4095;
inline constexpr std::size_t kReplyTextLimitBytes = 1023;
inline constexpr std::size_t kCgroupPathLimitBytes = 511;
inline constexpr std::size_t kSocketPathLimitBytes = 107; // sun_path of unix(7)
inline constexpr std::size_t kListPageEntries = 256;
inline constexpr std::size_t kSweepLiveRunsLimit = 1024;
inline constexpr int kAttemptLimit = 1'000'000'000;

/// Id of the journal that counts the runs: two journals may both have a run 1.
using JournalId = std::array<std::uint8_t, 16>;

/// Limits of one run, 0 = what the launcher's own configuration says. The launcher lowers what is
/// above its root-owned bounds.
struct Limits {
    std::uint64_t memory_max_bytes = 0;
    std::uint64_t tasks_max = 0;
    std::uint64_t cpu_weight = 0;              ///< 1 to 10000
    std::uint64_t cpu_quota_us_per_second = 0; ///< 1'000'000 is one whole CPU
    std::uint64_t io_weight = 0;               ///< 1 to 10000
    std::uint64_t runtime_max_us = 0;          ///< of one attempt

    friend bool operator==(const Limits&, const Limits&) = default;
};

/// One attempt to run a run: the name of a scope. Attempts count from 1.
struct Attempt {
    RunId run;
    int number = 0;

    friend bool operator==(const Attempt&, const Attempt&) = default;
    friend bool operator<(const Attempt& left, const Attempt& right) {
        return left.run == right.run ? left.number < right.number : left.run < right.run;
    }
};

struct StartRequest {
    JournalId journal{};
    Attempt attempt;
    uid_t run_as = 0;
    std::string profile;
    std::string workspace; ///< absolute
    Limits limits;

    friend bool operator==(const StartRequest&, const StartRequest&) = default;
};

/// Kills every process of the attempt (number 0: of the run) and answers when none is left.
struct StopRequest {
    Attempt attempt;
    bool release = false; ///< also stops the run's slice: its accounting ends to be readable

    friend bool operator==(const StopRequest&, const StopRequest&) = default;
};

/// One page of the live scopes, in the order of (run, attempt), after `after`.
struct ListRequest {
    Attempt after;

    friend bool operator==(const ListRequest&, const ListRequest&) = default;
};

/// Kills every scope that is not one of `live` of this journal, and releases the slices of runs
/// that `live` does not name and that have no scope. Starts under way are left alone.
struct SweepRequest {
    JournalId journal{};
    /// At most kSweepLiveRunsLimit; number 0 is a run that lives without a scope. A list of that
    /// length may not be all, so only slices whose scopes are killed are released with it.
    std::vector<Attempt> live;

    friend bool operator==(const SweepRequest&, const SweepRequest&) = default;
};

struct Request {
    std::uint64_t number = 0; ///< chosen by the client, echoed by the reply
    std::variant<StartRequest, StopRequest, ListRequest, SweepRequest> body;

    friend bool operator==(const Request&, const Request&) = default;
};

/// Controllers that the kernel does not offer: the limits are then not enforced by cgroups.
struct Degraded {
    bool memory = false;
    bool tasks = false;
    bool cpu = false;
    bool io = false;

    friend bool operator==(const Degraded&, const Degraded&) = default;
};

struct StartedReply {
    std::string slice_cgroup; ///< absolute path of the run's slice in the cgroup file system
    std::string socket;       ///< absolute path of the run's channel
    Degraded degraded;

    friend bool operator==(const StartedReply&, const StartedReply&) = default;
};

struct StoppedReply {
    std::uint32_t scopes_killed = 0;

    friend bool operator==(const StoppedReply&, const StoppedReply&) = default;
};

struct ListEntry {
    Attempt attempt;
    JournalId journal{}; ///< all zero where the scope does not say

    friend bool operator==(const ListEntry&, const ListEntry&) = default;
};

struct ListReply {
    std::vector<ListEntry> entries; ///< at most kListPageEntries
    bool more = false;              ///< ask again with `after` = the last entry

    friend bool operator==(const ListReply&, const ListReply&) = default;
};

struct SweptReply {
    std::uint32_t scopes_killed = 0;
    std::uint32_t slices_released = 0;

    friend bool operator==(const SweptReply&, const SweptReply&) = default;
};

struct Reply {
    std::uint64_t number = 0;
    /// The Error's code is one of those of launcher_error_codes(); its text is cut to
    /// kReplyTextLimitBytes.
    std::variant<Error, StartedReply, StoppedReply, ListReply, SweptReply> body;
};

/// The request as it goes on the wire. Text or lists longer than their limits, or numbers out of
/// range, are Errc::invalid_argument.
Result<std::string> encode(const Request& request);
std::string encode(const Reply& reply);

/// Errc::protocol_error names what is wrong; nothing of a refused message is used.
Result<Request> decode_request(std::string_view message);
Result<Reply> decode_reply(std::string_view message);
/// The number that a refused request's reply is to carry, where the message is long enough to
/// have one, else 0.
std::uint64_t request_number(std::string_view message);

} // namespace kheish::sandbox
