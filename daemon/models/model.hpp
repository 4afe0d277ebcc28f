#pragma once

#include "base/result.hpp"
#include "base/unique_function.hpp"
#include "codec/json.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// What a language model is to kheish: a neutral request in, a neutral response or a typed error
/// out. Drivers (anthropic, scripted, ...) translate; nothing above this folder knows a provider.
namespace kheish::models {

struct Text {
    std::string text;
};

/// A call that the model asks for. `input` is the canonical JSON of an object.
struct ToolCall {
    std::string id; ///< the provider's id, unique within its response
    std::string tool;
    std::string input;
};

/// The answer to a ToolCall of an earlier assistant message.
struct ToolResult {
    std::string call_id; ///< ToolCall::id
    std::string text;
    bool is_error = false;
};

/// A provider's private item (signed thinking, reasoning), journaled and replayed byte for byte to
/// the same driver, and dropped for any other.
struct Opaque {
    std::string driver;
    std::string bytes;
};

using Part = std::variant<Text, ToolCall, ToolResult, Opaque>;

struct Message {
    enum class Role { user, assistant };
    Role role = Role::user;
    std::vector<Part> parts;
};

/// Round trip through the journal: canonical JSON, versioned. decode refuses what encode cannot
/// have written (Errc::journal_corrupt).
std::string encode_message(const Message& message);
Result<Message> decode_message(std::string_view bytes);

struct ToolSpecification {
    std::string name;
    std::string description;
    codec::Json input_schema; ///< JSON Schema of an object
};

struct Request {
    std::string model; ///< the provider's name of it
    std::string system;
    std::vector<Message> messages; ///< user and assistant in turn, user first
    std::vector<ToolSpecification> tools;
    std::int64_t max_output_tokens = 8192;
    std::optional<double> temperature;
};

/// Tokens as the provider counted them; 0 where it did not say.
struct Usage {
    std::int64_t input_tokens = 0;
    std::int64_t output_tokens = 0;
    std::int64_t cache_read_tokens = 0;
    std::int64_t cache_write_tokens = 0;
};

struct Response {
    enum class StopReason { end_turn, tool_use, max_tokens, refusal };
    Message message; ///< role assistant
    StopReason stop_reason = StopReason::end_turn;
    Usage usage;
    std::string model; ///< as the provider names what answered
    std::string provider_request_id;
};

/// Why a call to a model came to nothing. Context overflow is told apart before anything is
/// retried.
struct CallError {
    enum class Kind {
        network,          ///< unreachable, reset, cut in the middle, TLS
        timeout,          ///< no byte for too long
        rate_limited,     ///< 429
        overloaded,       ///< 503, 529
        server,           ///< any other 5xx
        protocol,         ///< an answer that is not one
        authentication,   ///< 401, 403, no credential
        context_overflow, ///< the prompt does not fit
        invalid_request,  ///< any other 4xx: asking again changes nothing
        unrecorded,       ///< the external action could not be recorded, so it was not attempted
    };
    Kind kind = Kind::protocol;
    std::string message; ///< without secrets; bounded
    int http_status = 0; ///< 0 where there was no answer
    std::optional<std::chrono::microseconds> retry_after;

    bool is_retryable() const;
};

std::string_view to_string(CallError::Kind kind);
std::optional<CallError::Kind> parse_call_error_kind(std::string_view text);
std::string_view to_string(Response::StopReason reason);
std::optional<Response::StopReason> parse_stop_reason(std::string_view text);

/// A call under way. Destroying it aborts the call: no callback comes after that.
class Call {
  public:
    Call() = default;
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    virtual ~Call() = default;
};

struct CallHandlers {
    /// Text as it streams in; display only, never journaled.
    UniqueFunction<void(std::string_view)> on_text;
    /// The end, exactly once, never from within Model::call. The Call may be destroyed in it.
    UniqueFunction<void(tl::expected<Response, CallError>)> on_finished;
};

/// One configured route: a driver with its endpoint and credential.
class Model {
  public:
    Model() = default;
    Model(const Model&) = delete;
    Model& operator=(const Model&) = delete;
    virtual ~Model() = default;

    /// Starts one attempt. `idempotency_key` names it for the wire, the audit record and the
    /// scripted driver, which plays by turn and attempt: it ends in "/turn-<n>/attempt-<m>", both
    /// counted from 1 ("run-7/turn-3/attempt-1").
    [[nodiscard]] virtual std::unique_ptr<Call>
    call(Request request, std::string idempotency_key, CallHandlers handlers) = 0;
};

/// What clients see of a route; never a secret.
struct RouteView {
    std::string route_id;
    std::string driver;
    std::string default_model;
    enum class State { ok, warning, error } state = State::ok;
    std::string code;    ///< "ready", "credential_missing", "credential_from_environment", ...
    std::string message; ///< with the remedy where state is not ok
    std::string credential = {}; ///< its name; empty where the route needs none
};

/// The routes that are configured now. Implementations own the Models.
class Routes {
  public:
    Routes() = default;
    Routes(const Routes&) = delete;
    Routes& operator=(const Routes&) = delete;
    virtual ~Routes() = default;

    virtual std::vector<RouteView> list() const = 0;
    /// The default route's id, or empty where none is configured.
    virtual std::string default_route() const = 0;
    virtual std::optional<RouteView> find(std::string_view route_id) const = 0;
    /// The name of the credential that the route needs, without a look at it; empty where it needs
    /// none, or there is no such route.
    virtual std::string credential_of(std::string_view route_id) const = 0;
    /// Null where there is no such route, or it can do nothing whatever its credential: a call
    /// without one fails as CallError::Kind::authentication.
    virtual Model* model(std::string_view route_id) = 0;
};

} // namespace kheish::models
