#include "http/identity.hpp"
#include "http/quota.hpp"

#include "base/fd.hpp"

#include <gtest/gtest.h>

#include <array>

#include <sys/socket.h>
#include <unistd.h>

namespace kheish::http {
namespace {

TEST(PeerCredentials, AreThoseOfTheOtherEnd) {
    std::array<int, 2> ends{};
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    const Fd ours(ends[0]);
    const Fd theirs(ends[1]);
    PeerCredentials identity;
    const Result<Peer> peer = identity.peer(ours.get());
    ASSERT_TRUE(peer);
    EXPECT_EQ(peer->uid, getuid());
    EXPECT_EQ(peer->name, "user:" + std::to_string(getuid()));
}

TEST(PeerCredentials, OfAnotherKindOfSocketAreRefused) {
    const Fd tcp(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    PeerCredentials identity;
    EXPECT_EQ(identity.peer(tcp.get()).error().code, Errc::unauthorized);
    EXPECT_EQ(identity.peer(-1).error().code, Errc::unauthorized);
}

TEST(PeerCredentials, OnlyRootIsAnAdmin) {
    PeerCredentials identity;
    const Result<control::Caller> root = identity.caller({0, "user:0"}, Request());
    EXPECT_EQ(root->role, control::Role::admin);
    const Result<control::Caller> user = identity.caller({1000, "user:1000"}, Request());
    EXPECT_EQ(user->role, control::Role::operate);
    EXPECT_EQ(user->principal, Principal::user(1000));
    EXPECT_EQ(user->uid, 1000U);
}

TEST(Quota, GivesBackWhatALeaseHeld) {
    Limits limits;
    limits.streams = {3, 2};
    Quota quota(limits);
    const Quota::Resource streams = Quota::Resource::streams;
    Result<Quota::Lease> first = quota.take(streams, "user:1");
    ASSERT_TRUE(first);
    Quota::Lease second = *quota.take(streams, "user:1");
    EXPECT_EQ(quota.take(streams, "user:1").error().code, Errc::rate_limited);
    const Result<Quota::Lease> other = quota.take(streams, "user:2");
    ASSERT_TRUE(other);
    EXPECT_EQ(quota.take(streams, "user:3").error().code, Errc::service_unavailable);
    Quota::Lease moved = std::move(second);
    EXPECT_EQ(quota.used(streams), 3U);
    moved.release();
    moved.release();
    EXPECT_EQ(quota.used(streams), 2U);
    EXPECT_TRUE(quota.take(streams, "user:1"));
}

} // namespace
} // namespace kheish::http
