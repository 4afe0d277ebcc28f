#pragma once

#include "base/responder.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace kheish::govern {

/// A process that may be asked about, of user `uid`.
struct SubjectProcess {
    pid_t pid = 0;
    uid_t uid = 0;
};

/// One question to the authority of the host (polkit).
struct AuthorizationRequest {
    std::string bus_name; ///< unique name of the caller on the system bus: the subject, unless
    std::optional<SubjectProcess> process = {};               ///< there is this one
    std::string action;                                       ///< polkit action id
    std::vector<std::pair<std::string, std::string>> details; ///< shown in the prompt; escaped
    bool interactive = false;                                 ///< the caller allows a prompt
};

/// A question under way. Destroying it cancels the question (and the prompt); no answer comes then.
class Authorization {
  public:
    Authorization() = default;
    Authorization(const Authorization&) = delete;
    Authorization& operator=(const Authorization&) = delete;
    virtual ~Authorization() = default;
};

/// Asks whether a subject may do something. Always asynchronous, always before any state change.
class Authorizer {
  public:
    Authorizer() = default;
    Authorizer(const Authorizer&) = delete;
    Authorizer& operator=(const Authorizer&) = delete;
    virtual ~Authorizer() = default;

    /// Answers success when authorized. Everything else is an error: Errc::forbidden where the
    /// answer is no, and where there is no answer (authority gone, time-out) too;
    /// Errc::unauthorized where it would take a password and no prompt was allowed.
    [[nodiscard]] virtual std::unique_ptr<Authorization>
    check(AuthorizationRequest request, Responder<void> responder) = 0;
};

} // namespace kheish::govern
