#include "runner_process.hpp"

#include "codec/json.hpp"

#include <gtest/gtest.h>

#include <array>

namespace kheish::testing {
namespace {

using namespace codec::runner;
using codec::Json;

std::string command(const std::string& text) {
    return codec::canonical_json(Json::object({{"command", text}}));
}

class Channel : public ::testing::Test {
  protected:
    Execute call(const std::string& id, const std::string& text) const {
        Execute execute;
        execute.call = CallId{id};
        execute.tool = "bash";
        execute.input = command(text);
        execute.timeout_ms = 20'000;
        execute.output_limit_bytes = 1 << 20;
        return execute;
    }

    RunnerProcess runner_;
};

TEST_F(Channel, AnEmptyRunnerKnowsNothing) {
    const Client client = Client::greeted(runner_);
    EXPECT_EQ(client.reply(), (HelloReply{kNewestVersion, {}, {}}));
}

TEST_F(Channel, AnOldRunnerServesANewerDaemon) {
    Client client(runner_);
    client.send(HelloRequest{kOldestVersion, kNewestVersion + 5, RunId{17}, 1});
    EXPECT_EQ(std::get<HelloReply>(client.receive()).version, kNewestVersion);
}

TEST_F(Channel, WhatTheProjectPermitsIsWhatItWasAtTheBeginning) {
    EXPECT_EQ(Client::greeted(runner_).project(), ProjectPermissions{});
    std::filesystem::create_directory(runner_.workspace() / ".kheish");
    runner_.write(".kheish/permissions.toml", "rules = []\n");
    EXPECT_EQ(Client::greeted(runner_).project(), ProjectPermissions{});
}

TEST_F(Channel, AnOldDaemonIsNotToldWhatTheProjectPermits) {
    Client client(runner_);
    client.send(HelloRequest{kOldestVersion, kPreparedVersion, RunId{17}, 1});
    EXPECT_EQ(std::get<HelloReply>(client.receive()).version, kPreparedVersion);
    client.send(call("a", "echo a"));
    EXPECT_EQ(client.wait(CallId{"a"}).text, "a\n");
}

TEST_F(Channel, ADaemonThatIsTooNewIsRefused) {
    Client client(runner_);
    client.send(HelloRequest{kNewestVersion + 1, kNewestVersion + 5, RunId{17}, 1});
    EXPECT_NE(
        std::get<Refused>(client.receive()).reason.find("speaks versions 1 to 3 only"),
        std::string::npos);
    EXPECT_TRUE(client.ends());
}

TEST_F(Channel, ARunnerServesOneAttemptOnly) {
    const Client client = Client::greeted(runner_);
    Client other(runner_);
    other.send(HelloRequest{.run = RunId{18}, .attempt = 1});
    EXPECT_EQ(std::get<Refused>(other.receive()).reason, "runner: this is attempt 1 of run-17");
    EXPECT_TRUE(other.ends());
}

TEST_F(Channel, ANewConnectionReplacesTheOldOne) {
    Client old = Client::greeted(runner_);
    Client fresh = Client::greeted(runner_);
    EXPECT_TRUE(old.ends());
    EXPECT_EQ(fresh.call("bash", command("echo hi")).text, "hi\n");
}

TEST_F(Channel, ResultsAreKeptUntilAcknowledged) {
    {
        Client client = Client::greeted(runner_);
        client.send(call("a", "echo a"));
        EXPECT_EQ(client.wait(CallId{"a"}).text, "a\n");
    }
    for (int round = 0; round < 2; ++round) {
        Client client = Client::greeted(runner_);
        EXPECT_EQ(client.reply().finished, std::vector<CallId>{CallId{"a"}});
        EXPECT_EQ(client.wait(CallId{"a"}).text, "a\n");
    }
    {
        Client client = Client::greeted(runner_);
        (void)client.wait(CallId{"a"});
        client.send(Acknowledge{CallId{"a"}});
        EXPECT_EQ(client.call("bash", command("echo b")).text, "b\n"); // in order: a is forgotten
    }
    const Client client = Client::greeted(runner_);
    EXPECT_TRUE(client.reply().finished.empty());
}

TEST_F(Channel, ACallOutlivesItsConnection) {
    {
        Client client = Client::greeted(runner_);
        client.send(
            call("long", "echo x >> count; until [ -e go ]; do sleep 0.02; done; echo end"));
        ASSERT_TRUE(eventually([this] { return runner_.read("count") == "x\n"; }));
    }
    {
        Client client = Client::greeted(runner_);
        EXPECT_EQ(client.reply().running, std::vector<CallId>{CallId{"long"}});
    }
    runner_.write("go", "");
    Client client = Client::greeted(runner_);
    EXPECT_EQ(client.wait(CallId{"long"}).text, "end\n");
    EXPECT_EQ(runner_.read("count"), "x\n");
}

TEST_F(Channel, ARepeatedCallIsExecutedOnce) {
    Client client = Client::greeted(runner_);
    const Execute execute =
        call("once", "echo x >> count; until [ -e go ]; do sleep 0.02; done; echo end");
    client.send(execute);
    client.send(execute);
    EXPECT_EQ(std::get<Progress>(client.receive()).call, CallId{"once"});
    runner_.write("go", "");
    EXPECT_EQ(client.wait(CallId{"once"}).text, "end\n");
    client.send(execute);
    EXPECT_EQ(client.wait(CallId{"once"}).text, "end\n");
    client.send(Acknowledge{CallId{"once"}});
    client.send(execute);
    EXPECT_NE(
        std::get<Refused>(client.receive()).reason.find("finished and acknowledged"),
        std::string::npos);
    EXPECT_EQ(runner_.read("count"), "x\n");
}

TEST_F(Channel, AcknowledgingOrCancellingTheUnknownDoesNothing) {
    Client client = Client::greeted(runner_);
    client.send(Acknowledge{CallId{"nope"}});
    client.send(Cancel{CallId{"nope"}});
    client.send(call("running", "until [ -e go ]; do sleep 0.02; done"));
    client.send(Acknowledge{CallId{"running"}});
    runner_.write("go", "");
    EXPECT_EQ(client.wait(CallId{"running"}).kind, Finished::Kind::ok);
}

TEST_F(Channel, BrokenPacketsEndTheConnectionAndNothingElse) {
    std::string gap = encode(Cancel{CallId{"x"}}, 7).value();
    const std::array<std::string, 5> packets{
        "x",
        std::string(1000, 'K'),
        std::string(kMessageBytes + 100, 'K'),
        encode(Cancel{CallId{"x"}}, 2).value().substr(0, 30),
        gap};
    Client worker = Client::greeted(runner_);
    worker.send(call("kept", "echo kept"));
    EXPECT_EQ(worker.wait(CallId{"kept"}).text, "kept\n");
    for (const std::string& packet : packets) {
        Client client = Client::greeted(runner_);
        client.send_raw(packet);
        EXPECT_TRUE(client.ends());
    }
    const Client client = Client::greeted(runner_);
    EXPECT_EQ(client.reply().finished, std::vector<CallId>{CallId{"kept"}});
}

TEST_F(Channel, NothingComesBeforeAHello) {
    Client client(runner_);
    client.send(call("early", "echo x >> count"));
    EXPECT_EQ(std::get<Refused>(client.receive()).reason, "runner: the first message is no hello");
    EXPECT_TRUE(client.ends());
    EXPECT_TRUE(Client::greeted(runner_).reply().running.empty());
    EXPECT_EQ(runner_.read("count"), "");
}

TEST_F(Channel, AnUnsealedInputIsRefused) {
    Client client = Client::greeted(runner_);
    Execute execute = call("unsealed", "");
    execute.input.clear();
    execute.input_in_memfd = true;
    std::vector<Fd> descriptors;
    descriptors.emplace_back(::dup(0));
    client.send(execute, std::move(descriptors));
    EXPECT_NE(
        std::get<Refused>(client.receive()).reason.find("not a sealed memfd"), std::string::npos);
}

TEST_F(Channel, ProgressIsTold) {
    Client client = Client::greeted(runner_);
    client.send(call("chatty", "echo 12345; until [ -e go ]; do sleep 0.02; done"));
    const Message message = client.receive();
    ASSERT_TRUE(std::holds_alternative<Progress>(message));
    EXPECT_EQ(std::get<Progress>(message).output_bytes, 6);
    runner_.write("go", "");
    EXPECT_EQ(client.wait(CallId{"chatty"}).kind, Finished::Kind::ok);
}

} // namespace
} // namespace kheish::testing
