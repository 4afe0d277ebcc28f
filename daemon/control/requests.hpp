#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "codec/digest.hpp"
#include "codec/json.hpp"
#include "control/grant_requests.hpp"
#include "govern/permission.hpp"
#include "govern/scope.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What callers ask for, parsed once for both edges: HTTP gives the body, D-Bus its a{sv} as a JSON
/// object. Unknown members are Errc::unknown_field, wrong ones Errc::bad_request with the reason.
namespace kheish::control {

inline constexpr std::size_t kPathLimitBytes = 4096;
inline constexpr std::size_t kLabelLimitBytes = 256; ///< source_plugin, actor_id and their like
inline constexpr std::size_t kMetadataLimitBytes = std::size_t{64} << 10;
inline constexpr std::size_t kReasonLimitBytes = 4096;
inline constexpr std::size_t kIdempotencyKeyLimitBytes = 256;
inline constexpr std::size_t kResolutionLimit = 256; ///< resolutions in one batch
inline constexpr std::size_t kSuppliedResultLimitBytes = std::size_t{256} << 10;
inline constexpr std::size_t kUpdatedInputLimitBytes = std::size_t{512} << 10;
inline constexpr std::int64_t kPageLimitDefault = 50;
inline constexpr std::int64_t kPageLimitMax = 100;

struct CreateSession {
    std::optional<SessionId> session = {}; ///< chosen by the daemon where absent
    std::string thread_id = {};
    std::string workspace = {}; ///< absolute path; empty: a directory of the session's own
    std::vector<govern::Rule> permission_rules = {}; ///< they narrow what holds for everybody
    std::optional<govern::CredentialScope> credential_scope = {};
    std::optional<govern::CapabilityScope> capability_scope = {};
    std::optional<std::string> idempotency_key = {};
};
/// Members: session_id, thread_id, workspace, permission_rules (permission_rules.hpp),
/// credential_scope, capability_scope (govern/scope.hpp), idempotency_key.
Result<CreateSession>
parse_create_session(const codec::Json& body, std::optional<std::string> idempotency_header = {});

struct SubmitInput {
    std::string content;
    std::string source_plugin = "api";
    std::string source_kind = "input";
    std::string actor_id;
    std::string route; ///< empty: the default
    std::string model; ///< empty: the route's default
    std::optional<std::int64_t> max_output_tokens;
    std::optional<govern::Mode> permission_mode; ///< may only narrow the configured one
    std::string metadata;                        ///< canonical JSON object, or empty
    std::optional<std::string> idempotency_key;
};
/// Members: content | input_items [{type:"text",text}], provider | route_id, source_plugin,
/// source_kind, actor_id, generation {model, max_output_tokens}, permission_mode, metadata,
/// idempotency_key. `idempotency_header` is the Idempotency-Key header, which must not contradict
/// the member.
Result<SubmitInput>
parse_submit_input(const codec::Json& body, std::optional<std::string> idempotency_header = {});

struct Resolution {
    /// What is decided about a gate. Where the outcome of a call is unknown: execute it again, give
    /// it up, or supply what came of it. supply is for these only.
    enum class Behavior { allow, deny, supply };

    ApprovalId approval;
    Behavior behavior = Behavior::deny;
    std::string reason;                  ///< justification or reason
    std::optional<codec::Digest> digest; ///< what the resolver was shown; must match where given
    /// With allow, for a gate that waits for permission: what is to be done instead of what was
    /// shown, as canonical JSON of an object. Validated and judged as the model's own input is.
    std::optional<std::string> updated_input;
    /// With allow, for a gate that waits for permission: a grant for more of its kind.
    std::optional<Remember> remember = {};
    std::optional<std::string> result; ///< exactly with supply: what the model is told
};
struct ResolveApprovals {
    std::vector<Resolution> resolutions; ///< all or nothing; no approval twice
    std::optional<std::string> idempotency_key = {};
};
/// Members: resolutions [{request_id, behavior: allow|deny|supply, justification, reason, digest,
/// updated_input, remember (grant_requests.hpp), result}], idempotency_key.
Result<ResolveApprovals> parse_resolve_approvals(
    const codec::Json& body, std::optional<std::string> idempotency_header = {});
/// Members: justification | reason, digest, idempotency_key, with allow updated_input and remember,
/// with supply result; for Approval.Allow, Approval.Deny and Approval.Supply.
Result<ResolveApprovals> parse_resolve_one(
    const ApprovalId& approval, Resolution::Behavior behavior, const codec::Json& options);

std::string_view to_string(Resolution::Behavior behavior);

/// To end, interrupt or cancel something.
struct EndRequest {
    std::string reason;
    std::optional<std::string> idempotency_key = {};
};
/// Members: reason, idempotency_key.
Result<EndRequest>
parse_end(const codec::Json& body, std::optional<std::string> idempotency_header = {});

/// Which page of a list. Opaque cursors are the list's own.
struct Page {
    std::int64_t limit = kPageLimitDefault;
    std::string cursor;
    bool enveloped = false; ///< {items, pagination} instead of a bare array
    bool ascending = false;
};
struct ListRuns {
    std::optional<SessionId> session;
    bool live_only = false;
    Page page;
};
struct ListSessions {
    Page page;
};
/// Members (strings, as a query has them, or their own types): session_id, limit, cursor, page,
/// order, live.
Result<ListRuns> parse_list_runs(const codec::Json& query);
Result<ListSessions> parse_list_sessions(const codec::Json& query);

/// A stream cursor: a journal sequence number in decimal. Errc::invalid_event_cursor otherwise.
Result<EventSeq> parse_event_cursor(std::string_view text);

} // namespace kheish::control
