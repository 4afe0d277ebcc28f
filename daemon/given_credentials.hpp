#pragma once

#include "config/routes.hpp"
#include "control/secrets.hpp"

namespace kheish {

/// What the service manager gives kheishd, read anew whenever it is asked for.
class GivenCredentials final : public control::Secrets::Given {
  public:
    /// `environment` outlives it.
    explicit GivenCredentials(const config::Environment& environment) : environment_(environment) {}

    Result<Secret> read(const std::string& name) const override {
        KHEISH_TRY(std::string value, config::read_given_credential(name, environment_));
        return Secret::take(value);
    }

  private:
    const config::Environment& environment_;
};

} // namespace kheish
