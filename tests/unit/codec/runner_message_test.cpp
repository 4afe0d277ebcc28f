#include "codec/runner_message.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>

namespace kheish::codec::runner {
namespace {

Finished some_outcome() {
    Finished finished;
    finished.call = CallId{"call-1-2"};
    finished.kind = Finished::Kind::timed_out;
    finished.text = "partial \u00e9 output";
    finished.exit_code = 137;
    finished.truncated = true;
    finished.spool = BlobRef{sha256("x"), 123456};
    finished.duration_us = 42;
    return finished;
}

Execute some_call() {
    Execute execute;
    execute.call = CallId{"call-1-0"};
    execute.tool = "bash";
    execute.input = R"({"command":"ls"})";
    execute.spool = true;
    execute.timeout_ms = 1000;
    execute.output_limit_bytes = 4096;
    return execute;
}

std::vector<Message> one_of_each() {
    Execute large = some_call();
    large.input.clear();
    large.input_in_memfd = true;
    Finished bare;
    bare.call = CallId{"c"};
    Execute again = some_call();
    again.recorded = ContentChange{sha256("before"), sha256("after")};
    return {
        HelloRequest{1, 3, RunId{17}, 2},
        HelloReply{1, {CallId{"a"}, CallId{"b"}}, {CallId{"c"}}},
        some_call(),
        large,
        again,
        Cancel{CallId{"call-1-0"}},
        Acknowledge{CallId{"call-1-0"}},
        some_outcome(),
        bare,
        Progress{CallId{"call-1-0"}, 65536},
        Refused{"no"},
        Prepared{CallId{"call-1-0"}, {sha256("before"), sha256("after")}},
        Proceed{CallId{"call-1-0"}},
        ProjectPermissions{},
        ProjectPermissions{true, "[[rules]]\n", ""},
        ProjectPermissions{true, "", "permission denied"}};
}

/// A packet with a header of one's own around `body` and `payload`.
std::string packet_with(std::uint8_t type, std::string_view body, std::string_view payload = {}) {
    std::string packet = encode(Cancel{CallId{"x"}}, 1).value().substr(0, kHeaderBytes);
    packet[5] = static_cast<char>(type);
    for (std::size_t i = 0; i < 4; ++i) {
        packet[16 + i] = static_cast<char>((body.size() >> (8 * i)) & 0xffU);
        packet[20 + i] = static_cast<char>((payload.size() >> (8 * i)) & 0xffU);
    }
    return packet.append(body).append(payload);
}

TEST(RunnerMessage, EveryMessageComesBackAsItWas) {
    std::uint64_t sequence = std::uint64_t{1} << 40U;
    for (const Message& message : one_of_each()) {
        const std::string packet = encode(message, ++sequence).value();
        EXPECT_LE(packet.size(), kMessageBytes);
        const Result<Decoded> decoded = decode(packet, descriptor_count(message));
        ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
        EXPECT_EQ(decoded->sequence, sequence);
        EXPECT_TRUE(decoded->message == message) << packet.substr(kHeaderBytes);
    }
}

TEST(RunnerMessage, WireFormIsFixed) {
    const std::string packet = encode(Cancel{CallId{"call-1-0"}}, 258).value();
    const std::string expected =
        std::string("KHRM\x01\x04\0\0\x02\x01\0\0\0\0\0\0\x13\0\0\0\0\0\0\0", 24) +
        R"({"call":"call-1-0"})";
    EXPECT_EQ(packet, expected);
}

TEST(RunnerMessage, ALargeOutcomeFitsAndALargerOneDoesNot) {
    Finished finished = some_outcome();
    finished.text.assign(kPayloadBytes, '\x01');
    EXPECT_TRUE(encode(finished, 1).has_value());
    finished.text.push_back('x');
    EXPECT_EQ(encode(finished, 1).error().code, Errc::payload_too_large);
}

TEST(RunnerMessage, AHelloHasRoomForEveryKnownCall) {
    HelloReply reply;
    for (std::size_t i = 0; i < kKnownCalls; ++i) {
        reply.running.push_back(CallId{std::string(kCallIdBytes, 'r')});
        reply.finished.push_back(CallId{std::string(kCallIdBytes, 'f')});
    }
    const Result<std::string> packet = encode(reply, 1);
    ASSERT_TRUE(packet.has_value());
    EXPECT_TRUE(decode(*packet, 0).has_value());
}

TEST(RunnerMessage, EveryTruncationIsRefused) {
    for (const Message& message : one_of_each()) {
        const std::string packet = encode(message, 7).value();
        for (std::size_t size = 0; size < packet.size(); ++size) {
            const Result<Decoded> decoded =
                decode(std::string_view(packet).substr(0, size), descriptor_count(message));
            ASSERT_FALSE(decoded.has_value()) << size;
            EXPECT_EQ(decoded.error().code, Errc::protocol_error);
        }
        EXPECT_FALSE(decode(packet + "x", descriptor_count(message)).has_value());
    }
}

TEST(RunnerMessage, AFlippedByteNeverPassesForAnotherStructure) {
    std::mt19937 random(20); // NOLINT(cert-msc51-cpp): the same bytes every time
    for (const Message& message : one_of_each()) {
        const std::string packet = encode(message, 7).value();
        for (int round = 0; round < 2000; ++round) {
            std::string changed = packet;
            changed[random() % changed.size()] = static_cast<char>(random());
            const Result<Decoded> decoded = decode(changed, descriptor_count(message));
            if (!decoded) {
                EXPECT_EQ(decoded.error().code, Errc::protocol_error);
                continue;
            }
            // What is accepted means exactly one thing.
            EXPECT_EQ(
                decode(
                    encode(decoded->message, decoded->sequence).value(), descriptor_count(message))
                    ->message,
                decoded->message);
        }
    }
}

TEST(RunnerMessage, WrongDescriptorCountsAreRefused) {
    for (const Message& message : one_of_each()) {
        const std::string packet = encode(message, 1).value();
        for (std::size_t count = 0; count < 4; ++count)
            EXPECT_EQ(decode(packet, count).has_value(), count == descriptor_count(message));
    }
}

struct Broken {
    std::string packet;
    const char* message;
};

TEST(RunnerMessage, NamesWhatIsBroken) {
    std::string other_format = encode(Cancel{CallId{"c"}}, 1).value();
    other_format[4] = 2;
    std::string reserved = encode(Cancel{CallId{"c"}}, 1).value();
    reserved[6] = 1;
    const std::array cases{
        Broken{"", "a packet of 0 bytes has no header"},
        Broken{std::string(kMessageBytes + 1, 'x'), "a packet is longer than 65536 bytes"},
        Broken{std::string(100, 'x'), "a packet does not begin with KHRM"},
        Broken{other_format, "unknown format 2"},
        Broken{reserved, "reserved bytes are set"},
        Broken{packet_with(0, "{}"), "unknown message type 0"},
        Broken{packet_with(12, "{}"), "unknown message type 12"},
        Broken{packet_with(4, "{}"), "body.call is required"},
        Broken{packet_with(4, R"({"call":""})"), "body.call must not be empty"},
        Broken{packet_with(4, R"({"call":1})"), "body.call must be a string, not integer"},
        Broken{packet_with(4, R"({"call":"a","b":1})"), "body has no field \"b\""},
        Broken{packet_with(4, R"({"call":"a"})", "x"), "a message without payload has one"},
        Broken{
            packet_with(6, R"({"call":"a","kind":"great","truncated":false,"duration_us":1})"),
            "body.kind must be one of ok, failed, timed_out, cancelled"},
        Broken{
            packet_with(6, R"({"call":"a","kind":"ok","truncated":false,"duration_us":1})", "\xff"),
            "a text is not UTF-8"},
        Broken{
            packet_with(
                6,
                R"({"call":"a","kind":"ok","truncated":false,"duration_us":1,"spool":{"size":1}})"),
            "body.spool must hold sha256 and size"},
        Broken{packet_with(4, "{"), "a body is no JSON: "},
    };
    for (const Broken& c : cases) {
        const Result<Decoded> decoded = decode(c.packet, 0);
        ASSERT_FALSE(decoded.has_value()) << c.message;
        EXPECT_EQ(decoded.error().code, Errc::protocol_error);
        EXPECT_NE(decoded.error().message.find(c.message), std::string::npos)
            << decoded.error().message;
    }
}

} // namespace
} // namespace kheish::codec::runner
