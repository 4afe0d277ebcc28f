#pragma once

#include "base/handle.hpp"
#include "govern/authorizer.hpp"

#include <chrono>
#include <cstdint>

namespace kheish::bus {

/// Asks polkit on the bus it is given (org.freedesktop.PolicyKit1.Authority, CheckAuthorization),
/// with the caller's unique bus name, or a process, as subject. Every error is a no: no
/// polkit, no such action, no answer in time. Never blocks.
class PolkitAuthorizer final : public govern::Authorizer {
  public:
    static constexpr std::chrono::seconds kSilentTimeout{25};
    /// How long a person may look at the prompt.
    static constexpr std::chrono::minutes kPromptTimeout{10};

    /// `bus` outlives the authorizer and its questions.
    explicit PolkitAuthorizer(sd_bus* bus) : bus_(bus) {}

    [[nodiscard]] std::unique_ptr<govern::Authorization>
    check(govern::AuthorizationRequest request, Responder<void> responder) override;

  private:
    sd_bus* bus_;
    std::uint64_t last_number_ = 0;
};

} // namespace kheish::bus
