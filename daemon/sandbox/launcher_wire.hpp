#pragma once

#include "sandbox/launcher_protocol.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

/// The layout of launcher_protocol's messages. Only launcher_requests.cpp, launcher_replies.cpp and
/// their tests look here.
namespace kheish::sandbox::wire {

enum class Kind : std::uint16_t {
    start = 1,
    stop = 2,
    list = 3,
    sweep = 4,
    failed = 101,
    started = 102,
    stopped = 103,
    listed = 104,
    swept = 105,
};

inline constexpr std::size_t kProfileBytes = 64;

inline constexpr std::uint32_t kDegradedMemory = 1;
inline constexpr std::uint32_t kDegradedTasks = 2;
inline constexpr std::uint32_t kDegradedCpu = 4;
inline constexpr std::uint32_t kDegradedIo = 8;
inline constexpr std::uint32_t kDegradedAll = 15;

struct Header {
    std::uint32_t magic;
    std::uint16_t version;
    std::uint16_t kind;
    std::uint64_t number;
};

struct ScopeKey {
    std::int64_t run;
    std::int32_t number;
    std::uint32_t reserved;
};

struct Limits {
    std::uint64_t memory_max_bytes;
    std::uint64_t tasks_max;
    std::uint64_t cpu_weight;
    std::uint64_t cpu_quota_us_per_second;
    std::uint64_t io_weight;
    std::uint64_t runtime_max_us;
};

struct Start {
    Header header;
    JournalId journal;
    ScopeKey attempt;
    std::uint32_t run_as;
    std::uint32_t reserved;
    Limits limits;
    std::array<char, kProfileBytes> profile;
    std::array<char, kWorkspacePathLimitBytes + 1> workspace;
};

struct Stop {
    Header header;
    ScopeKey attempt;
    std::uint32_t release;
    std::uint32_t reserved;
};

struct List {
    Header header;
    ScopeKey after;
};

struct Sweep {
    Header header;
    JournalId journal;
    std::uint32_t count;
    std::uint32_t reserved;
    std::array<ScopeKey, kSweepLiveRunsLimit> live;
};

struct Failed {
    Header header;
    std::uint32_t code;
    std::int32_t sys_errno;
    std::uint32_t transient;
    std::uint32_t reserved;
    std::array<char, kReplyTextLimitBytes + 1> message;
};

struct Started {
    Header header;
    std::uint32_t degraded;
    std::uint32_t reserved;
    std::array<char, kCgroupPathLimitBytes + 1> slice_cgroup;
    std::array<char, kSocketPathLimitBytes + 1> socket;
    std::array<char, 4> padding;
};

struct Stopped {
    Header header;
    std::uint32_t scopes_killed;
    std::uint32_t reserved;
};

struct Entry {
    ScopeKey attempt;
    JournalId journal;
};

struct Listed {
    Header header;
    std::uint32_t count;
    std::uint32_t more;
    std::array<Entry, kListPageEntries> entries;
};

struct Swept {
    Header header;
    std::uint32_t scopes_killed;
    std::uint32_t slices_released;
};

template <class Wire>
inline constexpr bool
    kIsWire = std::is_trivially_copyable_v<Wire>&& std::has_unique_object_representations_v<Wire> &&
              sizeof(Wire) <= kMessageLimitBytes;
static_assert(kIsWire<Start> && kIsWire<Stop> && kIsWire<List> && kIsWire<Sweep>);
static_assert(kIsWire<Failed> && kIsWire<Started> && kIsWire<Stopped> && kIsWire<Listed>);
static_assert(kIsWire<Swept>);

/// Reading and writing of single fields; each failure is Errc::protocol_error.
namespace field {

inline tl::unexpected<Error> refused(const std::string& what) {
    return fail(Errc::protocol_error, "launcher protocol: " + what);
}

template <std::size_t Size>
void put_text(std::string_view text, std::array<char, Size>& field) {
    std::copy_n(text.begin(), std::min(text.size(), Size - 1), field.begin());
}

template <std::size_t Size>
Result<std::string> take_text(const std::array<char, Size>& field, const char* name) {
    const auto* const end = std::find(field.begin(), field.end(), '\0');
    if (end == field.end())
        return refused(std::string(name) + " is not terminated");
    if (std::any_of(end, field.end(), [](char c) { return c != '\0'; }))
        return refused(std::string(name) + " is followed by other bytes");
    return std::string(field.begin(), end);
}

template <class Wire>
std::string to_bytes(const Wire& wire) {
    std::string bytes(sizeof wire, '\0');
    std::memcpy(bytes.data(), &wire, sizeof wire);
    return bytes;
}

template <class Wire>
Result<Wire> from_bytes(std::string_view bytes) {
    if (bytes.size() != sizeof(Wire))
        return refused(
            "a message of " + std::to_string(bytes.size()) + " bytes, expected " +
            std::to_string(sizeof(Wire)));
    Wire wire{};
    std::memcpy(&wire, bytes.data(), sizeof wire);
    return wire;
}

inline Header header(Kind kind, std::uint64_t number) {
    return {kProtocolMagic, kProtocolVersion, static_cast<std::uint16_t>(kind), number};
}

inline Result<Header> take_header(std::string_view message) {
    if (message.size() < sizeof(Header))
        return refused("a message shorter than its header");
    KHEISH_TRY(const Header header, from_bytes<Header>(message.substr(0, sizeof(Header))));
    if (header.magic != kProtocolMagic)
        return refused("wrong magic number");
    if (header.version != kProtocolVersion)
        return refused(
            "protocol version " + std::to_string(header.version) + ", this side speaks " +
            std::to_string(kProtocolVersion));
    return header;
}

inline Status check_attempt(const Attempt& attempt, int minimum) {
    if (attempt.run.number <= 0)
        return refused("run number out of range");
    if (attempt.number < minimum || attempt.number > kAttemptLimit)
        return refused("attempt out of range");
    return {};
}

inline ScopeKey to_wire(const Attempt& attempt) {
    return {attempt.run.number, attempt.number, 0};
}

inline Result<Attempt> from_wire(const ScopeKey& key, int minimum) {
    const Attempt attempt{RunId{key.run}, key.number};
    KHEISH_CHECK(check_attempt(attempt, minimum));
    if (key.reserved != 0)
        return refused("reserved bytes are set");
    return attempt;
}

inline Result<bool> take_flag(std::uint32_t value, const char* name) {
    if (value > 1)
        return refused(std::string(name) + " is neither 0 nor 1");
    return value == 1;
}

} // namespace field

} // namespace kheish::sandbox::wire
