#pragma once

#include "base/authority.hpp"
#include "base/responder.hpp"
#include "codec/digest.hpp"

#include <cstdint>
#include <string>

/// The one door for requests that the daemon itself makes.
namespace kheish::outbound {

/// Something that the daemon is about to do outside of itself. No secret is in it.
struct ExternalAction {
    std::string kind;   ///< "model_call", "delivery", ...
    std::string key;    ///< names the attempt: "run-7/turn-3/attempt-1"
    std::string target; ///< "POST https://host[:port]/path", without user, query or fragment
    Authority authority = Authority::of(Principal::daemon());
    codec::Digest request_digest; ///< SHA-256 of the request's body
};

struct ExternalOutcome {
    enum class Kind {
        answered, ///< a complete answer, of whatever status
        failed,   ///< it may or may not have arrived
        aborted,  ///< given up by us
    };
    Kind kind = Kind::failed;
    int status = 0;                  ///< of the protocol, 0 where there was none
    std::int64_t response_bytes = 0; ///< of the body, as far as it came
    codec::Digest response_digest;   ///< SHA-256 of those bytes
    std::string error;               ///< empty for answered
};

using ExternalActionId = std::int64_t;

/// The record of external actions. Every one has exactly one begin, and one end unless the daemon
/// dies in between: an action that was begun and has no end may have happened.
class ExternalActions {
  public:
    ExternalActions() = default;
    ExternalActions(const ExternalActions&) = delete;
    ExternalActions& operator=(const ExternalActions&) = delete;
    virtual ~ExternalActions() = default;

    /// Answers with the action's id once its begin is durable; the action is not started before.
    /// An error means that it must not be started at all. The answer may come from within begin().
    virtual void begin(ExternalAction action, Responder<ExternalActionId> ready) = 0;
    /// What became of it. A record that cannot be written is the implementation's to report: the
    /// action has happened.
    virtual void end(ExternalActionId id, ExternalOutcome outcome) = 0;
};

} // namespace kheish::outbound
