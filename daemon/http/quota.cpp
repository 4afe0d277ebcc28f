#include "http/quota.hpp"

#include <string_view>
#include <utility>

namespace kheish::http {

namespace {

constexpr std::array<std::string_view, 4> kNames{
    "connections", "requests in flight", "event streams", "bytes of request bodies"};

} // namespace

Quota::Lease::Lease(Lease&& other) noexcept
    : quota_(std::exchange(other.quota_, nullptr)), resource_(other.resource_),
      peer_(std::move(other.peer_)), amount_(other.amount_) {}

Quota::Lease& Quota::Lease::operator=(Lease&& other) noexcept {
    if (this != &other) {
        release();
        quota_ = std::exchange(other.quota_, nullptr);
        resource_ = other.resource_;
        peer_ = std::move(other.peer_);
        amount_ = other.amount_;
    }
    return *this;
}

void Quota::Lease::release() noexcept {
    if (quota_ == nullptr)
        return;
    Use& use = quota_->use_.at(index(resource_));
    use.total -= amount_;
    const auto held = use.per_peer.find(peer_);
    held->second -= amount_;
    if (held->second == 0)
        use.per_peer.erase(held);
    quota_ = nullptr;
}

Quota::Quota(const Limits& limits)
    : use_{{
          {limits.connections, 0, {}},
          {limits.requests, 0, {}},
          {limits.streams, 0, {}},
          {limits.body_bytes, 0, {}},
      }} {}

Result<Quota::Lease> Quota::take(Resource resource, const std::string& peer, std::size_t amount) {
    Use& use = use_.at(index(resource));
    const std::string_view name = kNames.at(index(resource));
    const auto held = use.per_peer.find(peer);
    const std::size_t held_amount = held == use.per_peer.end() ? 0 : held->second;
    if (amount > use.allowance.per_peer - held_amount)
        return fail(
            Errc::rate_limited,
            peer + " has its share of " + std::string(name) + " (" +
                std::to_string(use.allowance.per_peer) + "); try again when one has ended");
    if (amount > use.allowance.total - use.total)
        return fail(
            Errc::service_unavailable,
            "all " + std::string(name) + " (" + std::to_string(use.allowance.total) +
                ") are in use");
    Lease lease;
    lease.quota_ = this;
    lease.resource_ = resource;
    lease.peer_ = peer;
    lease.amount_ = amount;
    use.total += amount;
    use.per_peer[peer] += amount;
    return lease;
}

} // namespace kheish::http
