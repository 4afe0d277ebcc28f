#pragma once

#include "base/result.hpp"
#include "http/limits.hpp"

#include <array>
#include <cstddef>
#include <functional>
#include <map>
#include <string>

namespace kheish::http {

/// Counts what peers hold, so that none can take what all need. Outlives its leases.
class Quota {
  public:
    enum class Resource : std::size_t { connections, requests, streams, body_bytes };

    /// A share of a resource; gives it back at its end.
    class Lease {
      public:
        Lease() = default;
        Lease(Lease&& other) noexcept;
        Lease& operator=(Lease&& other) noexcept;
        Lease(const Lease&) = delete;
        Lease& operator=(const Lease&) = delete;
        ~Lease() { release(); }
        void release() noexcept;

      private:
        friend class Quota;
        Quota* quota_ = nullptr;
        Resource resource_ = Resource::connections;
        std::string peer_;
        std::size_t amount_ = 0;
    };

    explicit Quota(const Limits& limits);

    /// Errc::rate_limited where `peer` has its share, Errc::service_unavailable where all is taken.
    Result<Lease> take(Resource resource, const std::string& peer, std::size_t amount = 1);
    std::size_t used(Resource resource) const { return use_.at(index(resource)).total; }

  private:
    struct Use {
        Allowance allowance;
        std::size_t total = 0;
        std::map<std::string, std::size_t, std::less<>> per_peer;
    };
    static std::size_t index(Resource resource) { return static_cast<std::size_t>(resource); }

    std::array<Use, 4> use_;
};

} // namespace kheish::http
