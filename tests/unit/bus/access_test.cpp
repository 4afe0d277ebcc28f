#include "bus_fixture.hpp"

#include "codec/json.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace kheish::bus {
namespace {

using AccessOnTheBus = BusTest;

TEST_F(AccessOnTheBus, SomebodyElsesThingsNeedTheOtherAction) {
    const std::string session = create_session("demo");
    const std::string run = submit(session, "hold");
    become(2000);
    for (const auto& [path, interface, member] :
         {std::tuple(session, kSessionInterface, "Describe"),
          std::tuple(session, kSessionInterface, "Events"),
          std::tuple(run, kRunInterface, "Describe"),
          std::tuple(run, kRunInterface, "Events")})
        EXPECT_EQ(call(path, interface, member).error, error_name(Errc::forbidden)) << member;
    EXPECT_EQ(call(run, kRunInterface, "Follow", no_options()).error, error_name(Errc::forbidden));
    EXPECT_EQ(call(run, kRunInterface, "Cancel", no_options()).error, error_name(Errc::forbidden));
    EXPECT_EQ(
        call(session, kSessionInterface, "Interrupt", no_options()).error,
        error_name(Errc::forbidden));
    EXPECT_EQ(
        call(session, kSessionInterface, "SubmitInput", input("x")).error,
        error_name(Errc::forbidden));
    EXPECT_EQ(
        call(kRootPath, kManagerInterface, "CreateSession", option("session_id", "demo")).error,
        error_name(Errc::forbidden));
    for (std::size_t i = 2; i < authorizer_.requests.size(); ++i)
        EXPECT_TRUE(authorizer_.requests[i].action.ends_with("-others"));
    EXPECT_EQ(service_.live_runs(10).size(), 1U);

    authorizer_.allowed.insert("ai.kheish.daemon1.control-others");
    EXPECT_EQ(call(run, kRunInterface, "Cancel", no_options()).error, "");
    EXPECT_TRUE(service_.last_caller.acts_for_others);
    EXPECT_EQ(service_.last_caller.principal, Principal::user(2000));
}

TEST_F(AccessOnTheBus, ARefusalOfOnesOwnIsARefusal) {
    const std::string session = create_session("demo");
    authorizer_.allowed.erase("ai.kheish.daemon1.submit");
    authorizer_.allowed.insert("ai.kheish.daemon1.submit-others");
    const Reply reply = call(session, kSessionInterface, "SubmitInput", input("x"));
    EXPECT_EQ(reply.error, error_name(Errc::forbidden));
    EXPECT_EQ(reply.message, "polkit does not allow it");
    EXPECT_TRUE(service_.live_runs(10).empty());
}

TEST_F(AccessOnTheBus, ListsShowWhatTheCallerMayRead) {
    create_session("mine");
    become(2000);
    create_session("theirs");
    const auto listed = [this] {
        return codec::parse_json(
                   call(kRootPath, kManagerInterface, "ListSessions", no_options()).text())
            .value()
            .size();
    };
    EXPECT_EQ(listed(), 1U);
    authorizer_.allowed.insert("ai.kheish.daemon1.read-others");
    EXPECT_EQ(listed(), 2U);
    authorizer_.allowed.clear();
    EXPECT_EQ(
        call(kRootPath, kManagerInterface, "ListSessions", no_options(), true).error,
        error_name(Errc::forbidden));
    // The question about everybody's things never makes a prompt.
    const std::size_t count = authorizer_.requests.size();
    EXPECT_FALSE(authorizer_.requests.at(count - 2).interactive);
    EXPECT_TRUE(authorizer_.requests.at(count - 1).interactive);
}

TEST_F(AccessOnTheBus, TokensAreForAdministratorsAndThePromptSaysWhatIsDone) {
    const auto ci = [](sd_bus_message* message) {
        return sd_bus_message_append(message, "a{sv}", 2, "name", "s", "ci", "role", "s", "admin");
    };
    struct Row {
        const char* member;
        Append append;
        const char* summary;
    };
    const std::vector<Row> rows{
        {"ListTokens", no_options(), "list the tokens"},
        {"CreateToken", ci, "make the token ci with the role admin"},
        {"RotateToken", option("name", "ci"), "give the token ci a new secret"},
        {"RevokeToken", option("name", "ci"), "revoke the token ci"},
    };
    authorizer_.allowed = {"ai.kheish.daemon1.administer-others", "ai.kheish.daemon1.read-others"};
    for (const Row& row : rows) {
        EXPECT_EQ(
            call(kRootPath, kManagerInterface, row.member, row.append, true).error,
            error_name(Errc::forbidden))
            << row.member;
        EXPECT_EQ(authorizer_.requests.back().action, "ai.kheish.daemon1.administer");
        EXPECT_EQ(authorizer_.requests.back().details.at(0).second, row.summary);
    }
    authorizer_.allowed = {"ai.kheish.daemon1.administer"};
    for (const Row& row : rows)
        EXPECT_EQ(call(kRootPath, kManagerInterface, row.member, row.append, true).error, "")
            << row.member;
    EXPECT_NE(
        call(kRootPath, kManagerInterface, "CreateToken", ci).text().find("\"by\":\"user:1000\""),
        std::string::npos);
    EXPECT_EQ(
        call(kRootPath, kManagerInterface, "CreateToken", option("name", "ci")).error,
        error_name(Errc::bad_request));
    EXPECT_EQ(
        call(kRootPath, kManagerInterface, "ListTokens", option("name", "ci")).error,
        error_name(Errc::unknown_field));
}

/// A memory file with `text`, sealed or not.
Fd memory_file(const std::string& text, bool sealed) {
    Fd file(::memfd_create("secret", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    EXPECT_EQ(::write(file.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    if (sealed) {
        EXPECT_EQ(::fcntl(file.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW), 0);
    }
    return file;
}

TEST_F(AccessOnTheBus, ASecretComesInASealedMemoryFileAndNoOther) {
    authorizer_.allowed = {"ai.kheish.daemon1.administer"};
    // A descriptor can be sent once both ends have agreed that they take one.
    EXPECT_EQ(call(kRootPath, kManagerInterface, "ListSecrets", no_options()).error, "");
    const auto set = [this](const Fd& file) {
        const auto append = [&file](sd_bus_message* message) {
            return sd_bus_message_append(message, "a{sv}h", 1, "name", "s", "claude", file.get());
        };
        return call(kRootPath, kManagerInterface, "SetSecret", append).error;
    };
    EXPECT_EQ(set(memory_file("sk-1\n", true)), "");
    EXPECT_EQ(service_.last_secret, "sk-1");
    EXPECT_EQ(authorizer_.requests.back().details.at(0).second, "give the secret claude");
    EXPECT_EQ(set(memory_file("sk-2", false)), error_name(Errc::bad_request));
    EXPECT_EQ(set(memory_file("two words", true)), error_name(Errc::bad_request));
    EXPECT_EQ(set(memory_file("", true)), error_name(Errc::bad_request));
    EXPECT_EQ(set(memory_file(std::string(8194, 'k'), true)), error_name(Errc::payload_too_large));
    EXPECT_EQ(set(Fd(::open("/dev/zero", O_RDONLY | O_CLOEXEC))), error_name(Errc::bad_request));
    EXPECT_EQ(service_.last_secret, "sk-1");
}

TEST_F(AccessOnTheBus, SecretsAreForAdministratorsAndThePromptSaysWhatIsDone) {
    const auto import = [](sd_bus_message* message) {
        return sd_bus_message_append(
            message, "a{sv}", 2, "name", "s", "claude", "credential", "s", "key");
    };
    struct Row {
        const char* member;
        Append append;
        const char* summary;
    };
    const std::vector<Row> rows{
        {"ListSecrets", no_options(), "list the secrets"},
        {"DescribeSecret", option("name", "claude"), "look at the secret claude"},
        {"ImportSecret", import, "give the secret claude from the credential key"},
        {"RevokeSecret", option("name", "claude"), "revoke the secret claude"},
        {"DeleteSecret", option("name", "claude"), "delete the secret claude"},
        {"RotateMasterKey", no_options(), "seal all secrets with the next master key"},
    };
    authorizer_.allowed = {"ai.kheish.daemon1.administer-others"};
    for (const Row& row : rows) {
        EXPECT_EQ(
            call(kRootPath, kManagerInterface, row.member, row.append, true).error,
            error_name(Errc::forbidden))
            << row.member;
        EXPECT_EQ(authorizer_.requests.back().details.at(0).second, row.summary);
    }
    authorizer_.allowed = {"ai.kheish.daemon1.administer"};
    for (const Row& row : rows)
        EXPECT_EQ(call(kRootPath, kManagerInterface, row.member, row.append).error, "")
            << row.member;
}

TEST_F(AccessOnTheBus, AGrantIsItsOwnersToRevoke) {
    authorizer_.allowed = {"ai.kheish.daemon1.control", "ai.kheish.daemon1.read"};
    const Reply revoked =
        call(kRootPath, kManagerInterface, "RevokeGrant", option("grant", "grant-1-1"));
    EXPECT_EQ(revoked.error, "");
    EXPECT_EQ(authorizer_.requests.back().action, "ai.kheish.daemon1.control");
    EXPECT_EQ(
        call(kRootPath, kManagerInterface, "RevokeGrant", option("grant", "grant-9-9")).error,
        error_name(Errc::not_found));
    EXPECT_EQ(
        call(kRootPath, kManagerInterface, "RevokeGrant", no_options()).error,
        error_name(Errc::bad_request));
    EXPECT_NE(
        call(kRootPath, kManagerInterface, "ListGrants", no_options()).text().find("grant-1-1"),
        std::string::npos);
}

TEST_F(AccessOnTheBus, ACallerWhoLeavesEndsTheQuestion) {
    const std::string session = create_session("demo");
    authorizer_.hold = true;
    Reply reply;
    const BusSlot slot = send(reply, session, kSessionInterface, "Describe", {});
    ASSERT_TRUE(turn_until([this] { return authorizer_.open == 1; }));
    EXPECT_EQ(edge_->access().pending(), 1U);
    peers_.gone("");
    EXPECT_EQ(authorizer_.open, 0);
    EXPECT_EQ(edge_->access().pending(), 0U);
    ASSERT_TRUE(turn_until([&reply] { return reply.arrived; }));
    EXPECT_EQ(reply.error, error_name(Errc::cancelled));
    for (Responder<void>& late : authorizer_.held)
        late.answer({});
}

TEST_F(AccessOnTheBus, TooManyWaitingCallsAreRefused) {
    const std::string session = create_session("demo");
    authorizer_.hold = true;
    std::vector<Reply> replies(Access::kPendingPerPeerLimit + 1);
    std::vector<BusSlot> slots;
    for (Reply& reply : replies)
        slots.push_back(send(reply, session, kSessionInterface, "Describe", {}));
    ASSERT_TRUE(turn_until([&replies] { return replies.back().arrived; }));
    EXPECT_EQ(replies.back().error, error_name(Errc::rate_limited));
    authorizer_.hold = false;
    for (Responder<void>& waiting : authorizer_.held)
        waiting.answer({});
    ASSERT_TRUE(turn_until([&replies] { return replies.front().arrived; }));
    EXPECT_EQ(replies.front().error, "");
}

TEST_F(AccessOnTheBus, AnUnknownCallerGetsNothing) {
    const std::string session = create_session("demo");
    peers_.refuse = true;
    peers_.known = false;
    EXPECT_EQ(call(session, kSessionInterface, "Describe").error, error_name(Errc::forbidden));
    EXPECT_EQ(
        call(
            session,
            "org.freedesktop.DBus.Properties",
            "GetAll",
            [](sd_bus_message* m) { return sd_bus_message_append(m, "s", kSessionInterface); })
            .error,
        error_name(Errc::forbidden));
}

TEST_F(AccessOnTheBus, TheEdgeMayGoWhileQuestionsWait) {
    const std::string session = create_session("demo");
    authorizer_.hold = true;
    Reply reply;
    const BusSlot slot = send(reply, session, kSessionInterface, "Describe", {});
    ASSERT_TRUE(turn_until([this] { return authorizer_.open == 1; }));
    edge_.reset();
    EXPECT_EQ(authorizer_.open, 0);
    ASSERT_TRUE(turn_until([&reply] { return reply.arrived; }));
    EXPECT_EQ(reply.error, error_name(Errc::daemon_draining));
    for (Responder<void>& late : authorizer_.held)
        late.dismiss();
}

} // namespace
} // namespace kheish::bus
