#include "sandbox/launcher_protocol.hpp"

#include "sandbox/launcher_wire.hpp"

#include <gtest/gtest.h>

#include <random>

namespace kheish::sandbox {
namespace {

constexpr JournalId kJournal{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

Request start_request() {
    StartRequest start;
    start.journal = kJournal;
    start.attempt = {RunId{17}, 3};
    start.run_as = 1000;
    start.profile = "default";
    start.workspace = "/home/alice/project";
    start.limits = {1 << 30, 512, 100, 2'000'000, 50, 3'600'000'000};
    return {42, start};
}

std::vector<Request> requests() {
    return {
        start_request(),
        {43, StopRequest{{RunId{17}, 0}, true}},
        {44, ListRequest{{RunId{5}, 1}}},
        {45, ListRequest{}},
        {46, SweepRequest{kJournal, {{RunId{1}, 1}, {RunId{2}, 9}}}}};
}

std::vector<Reply> replies() {
    return {
        {1, Error{Errc::sandbox_unavailable, "Landlock: no", ENOSYS, false}},
        {2, StartedReply{"/sys/fs/cgroup/kheish.slice", "/run/kheish/runs/1.sock", {true}}},
        {3, StoppedReply{2}},
        {4, ListReply{{{{RunId{1}, 2}, kJournal}}, true}},
        {5, SweptReply{1, 2}}};
}

TEST(LauncherProtocol, RequestsRoundTrip) {
    for (const Request& request : requests()) {
        const Result<std::string> bytes = encode(request);
        ASSERT_TRUE(bytes);
        EXPECT_EQ(request_number(*bytes), request.number);
        const Result<Request> decoded = decode_request(*bytes);
        ASSERT_TRUE(decoded) << decoded.error().to_string();
        EXPECT_EQ(*decoded, request);
    }
}

TEST(LauncherProtocol, RepliesRoundTrip) {
    for (const Reply& reply : replies()) {
        const Result<Reply> decoded = decode_reply(encode(reply));
        ASSERT_TRUE(decoded) << decoded.error().to_string();
        EXPECT_EQ(decoded->number, reply.number);
        ASSERT_EQ(decoded->body.index(), reply.body.index());
        EXPECT_EQ(encode(*decoded), encode(reply));
    }
    const Result<Reply> failed = decode_reply(encode(replies().front()));
    const Error& error = std::get<Error>(failed->body);
    EXPECT_EQ(error.code, Errc::sandbox_unavailable);
    EXPECT_EQ(error.message, "Landlock: no");
    EXPECT_EQ(error.sys_errno, ENOSYS);
}

TEST(LauncherProtocol, LongErrorsAreCutBetweenCharacters) {
    const Reply reply{1, Error{Errc::internal, std::string(2000, 'x') + "\xff", 0, true}};
    const Result<Reply> decoded = decode_reply(encode(reply));
    ASSERT_TRUE(decoded);
    EXPECT_EQ(std::get<Error>(decoded->body).message, std::string(kReplyTextLimitBytes, 'x'));
    EXPECT_TRUE(std::get<Error>(decoded->body).transient);
}

TEST(LauncherProtocol, TruncatedAndLongerMessagesAreRefused) {
    for (const Request& request : requests()) {
        const std::string bytes = *encode(request);
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            const Result<Request> decoded = decode_request(bytes.substr(0, size));
            ASSERT_FALSE(decoded) << size;
            ASSERT_EQ(decoded.error().code, Errc::protocol_error);
        }
        EXPECT_FALSE(decode_request(bytes + '\0'));
    }
    for (const Reply& reply : replies()) {
        const std::string bytes = encode(reply);
        for (std::size_t size = 0; size < bytes.size(); ++size)
            ASSERT_FALSE(decode_reply(bytes.substr(0, size))) << size;
        EXPECT_FALSE(decode_reply(bytes + '\0'));
    }
}

void expect_in_range(const Request& request) {
    const Result<std::string> again = encode(request);
    ASSERT_TRUE(again) << again.error().to_string();
    const Result<Request> decoded = decode_request(*again);
    ASSERT_TRUE(decoded) << decoded.error().to_string();
    EXPECT_EQ(*decoded, request);
    if (const StartRequest* start = std::get_if<StartRequest>(&request.body)) {
        EXPECT_GT(start->attempt.run.number, 0);
        EXPECT_GT(start->attempt.number, 0);
        EXPECT_LE(start->attempt.number, kAttemptLimit);
        EXPECT_EQ(start->workspace.find('\0'), std::string::npos);
        EXPECT_LE(start->limits.cpu_weight, 10000U);
    }
}

TEST(LauncherProtocol, EveryFlippedBitIsRefusedOrInRange) {
    for (const Request& request : requests()) {
        const std::string bytes = *encode(request);
        for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
            std::string flipped = bytes;
            flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
            const Result<Request> decoded = decode_request(flipped);
            if (decoded) {
                ASSERT_NO_FATAL_FAILURE(expect_in_range(*decoded)) << bit;
            }
        }
    }
}

TEST(LauncherProtocol, RandomBytesAreRefusedOrInRange) {
    std::mt19937 random(7);
    for (int round = 0; round < 20000; ++round) {
        std::string bytes = *encode(requests()[random() % requests().size()]);
        const std::size_t changes = 1 + random() % 8;
        for (std::size_t i = 0; i < changes; ++i)
            bytes[random() % bytes.size()] = static_cast<char>(random());
        const Result<Request> decoded = decode_request(bytes);
        if (decoded) {
            ASSERT_NO_FATAL_FAILURE(expect_in_range(*decoded)) << round;
        }
    }
}

TEST(LauncherProtocol, AnotherVersionIsNamed) {
    std::string bytes = *encode(start_request());
    bytes[4] = static_cast<char>(kProtocolVersion + 1);
    const Result<Request> decoded = decode_request(bytes);
    ASSERT_FALSE(decoded);
    EXPECT_NE(decoded.error().message.find("version 2"), std::string::npos);
    EXPECT_EQ(request_number(bytes), 42U);
}

TEST(LauncherProtocol, TextMustBeTerminatedAndAlone) {
    std::string bytes = *encode(start_request());
    const std::size_t profile = offsetof(wire::Start, profile);
    bytes[profile + 20] = 'x';
    EXPECT_FALSE(decode_request(bytes));
    bytes = *encode(start_request());
    bytes.replace(profile, wire::kProfileBytes, wire::kProfileBytes, 'a');
    EXPECT_FALSE(decode_request(bytes));
}

TEST(LauncherProtocol, EncodingRefusesWhatDoesNotFit) {
    Request request = start_request();
    StartRequest& start = std::get<StartRequest>(request.body);
    start.workspace = "/" + std::string(kWorkspacePathLimitBytes, 'a');
    EXPECT_EQ(encode(request).error().code, Errc::invalid_argument);
    start.workspace = "/a";
    start.attempt.number = 0;
    EXPECT_FALSE(encode(request));
    start.attempt = {RunId{0}, 1};
    EXPECT_FALSE(encode(request));
    start.attempt = {RunId{1}, 1};
    start.limits.cpu_weight = 10001;
    EXPECT_FALSE(encode(request));
    SweepRequest sweep;
    sweep.live.assign(kSweepLiveRunsLimit + 1, Attempt{RunId{1}, 1});
    EXPECT_FALSE(encode(Request{1, sweep}));
}

TEST(LauncherProtocol, RequestsAreNoReplies) {
    EXPECT_FALSE(decode_reply(*encode(start_request())));
    EXPECT_FALSE(decode_request(encode(replies().front())));
}

} // namespace
} // namespace kheish::sandbox
