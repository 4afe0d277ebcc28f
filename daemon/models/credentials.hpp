#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"

#include <string>

namespace kheish::models {

/// Where drivers find what they prove themselves with. Asked anew for every request, so that what
/// has changed holds from the next one on.
class Credentials {
  public:
    Credentials() = default;
    Credentials(const Credentials&) = delete;
    Credentials& operator=(const Credentials&) = delete;
    virtual ~Credentials() = default;

    /// One line of printable ASCII. Errc::not_found where nobody has given one of this name,
    /// Errc::invalid_configuration where it is unfit, Errc::service_unavailable or journal_corrupt
    /// where it cannot be opened; no message holds any of it, each says what to do.
    virtual Result<Secret> read(const std::string& name) const = 0;
};

} // namespace kheish::models
