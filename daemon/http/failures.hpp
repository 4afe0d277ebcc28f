#pragma once

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/unique_function.hpp"
#include "control/authentication_failure.hpp"
#include "http/request.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace kheish::http {

/// Requests that were refused before it was known who asks: counts them, puts them on record and
/// slows down what goes on and on. A caller with a good token is never held up by them.
class Failures {
  public:
    static constexpr std::chrono::seconds kWindow{60};
    /// Of one reason from one peer in a window; what comes then is 429.
    static constexpr int kLimit = 60;
    /// Pairs of reason and peer that are told apart; beyond, all others are one.
    static constexpr std::size_t kBucketLimit = 1024;
    /// Put on record in a window, of all reasons and peers: what nobody has let in fills no disk.
    static constexpr int kToldLimit = 120;

    using Tell = UniqueFunction<void(control::AuthenticationFailure)>;
    /// `tell` hears of the first failure of a window and of the one that is too many, within
    /// kToldLimit.
    Failures(const Clock& clock, Tell tell) : clock_(clock), tell_(std::move(tell)) {}

    /// What the caller is told instead of `error`: that, or Errc::authentication_rate_limited.
    Error note(const std::string& peer, const Request& request, Error error);

  private:
    struct Bucket {
        std::int64_t since_boot_us = 0;
        int count = 0;
    };
    using Buckets = std::map<std::pair<std::string, std::string>, Bucket>; ///< reason, peer
    static void count(Bucket& bucket, std::int64_t now_us);
    Buckets::value_type&
    bucket_of(const std::string& reason, const std::string& peer, std::int64_t now_us);

    const Clock& clock_;
    Tell tell_;
    Buckets buckets_;
    Bucket told_;
};

} // namespace kheish::http
