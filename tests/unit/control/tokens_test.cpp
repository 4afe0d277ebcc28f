#include "control_fixture.hpp"

#include <functional>

/// Tokens: who they let in, for how long, and what is left of them.
namespace kheish::control {
namespace {

using codec::Json;

class TokensTest : public ControlFixture {
  protected:
    void SetUp() override {
        ControlFixture::SetUp();
        watch();
    }
    void watch() {
        plane_->tokens().set_withdrawal_listener(
            [this](const Principal& principal) { withdrawn_.push_back(principal.to_string()); });
    }
    void restart() {
        crash();
        boot();
        watch();
    }
    static Caller root() {
        Caller caller = Caller::user(0);
        caller.acts_for_others = true;
        return caller;
    }
    Result<Json> create(CreateToken request, const Caller& caller = root()) {
        return wait_for<Json>([&](Responder<Json> responder) {
            plane_->create_token(caller, request, std::move(responder));
        });
    }
    Result<Json> rotate(RotateToken request) {
        return wait_for<Json>([&](Responder<Json> responder) {
            plane_->rotate_token(root(), request, std::move(responder));
        });
    }
    Result<Json> revoke(const std::string& name, const Caller& caller = root()) {
        return wait_for<Json>([&](Responder<Json> responder) {
            plane_->revoke_token(caller, {.name = name, .reason = "lost"}, std::move(responder));
        });
    }
    std::string secret(const std::string& name, Role role = Role::operate) {
        const Result<Json> made = create({.name = name, .role = role});
        EXPECT_TRUE(made.has_value()) << made.error().to_string();
        return made ? made->find("token")->string() : "";
    }
    Errc error_of(const std::string& secret) {
        const Result<Caller> caller = plane_->tokens().authenticate(secret);
        return caller ? Errc::internal : caller.error().code;
    }
    bool is_good(const std::string& secret) {
        return plane_->tokens().authenticate(secret).has_value();
    }
    std::string journal_text() {
        std::string text;
        const Result<journal::Page<journal::StoredEvent>> page =
            journal_->events(0, {}, journal::kPageLimit);
        for (const journal::StoredEvent& stored : page->items)
            text +=
                stored.event.type + " " + stored.event.authority + " " + stored.event.body + "\n";
        return text;
    }

    std::vector<std::string> withdrawn_;
};

TEST_F(TokensTest, ASecretProvesItsNameAndRole) {
    const std::string ci = secret("ci");
    const std::string eyes = secret("eyes", Role::reader);
    EXPECT_EQ(ci.size(), Tokens::kSecretPrefix.size() + 2 * Tokens::kSecretBytes);
    const Result<Caller> caller = plane_->tokens().authenticate(ci);
    ASSERT_TRUE(caller.has_value());
    EXPECT_EQ(caller->principal.to_string(), "token:ci");
    EXPECT_EQ(caller->role, Role::operate);
    EXPECT_FALSE(caller->acts_for_others);
    EXPECT_EQ(caller->uid, static_cast<uid_t>(-1));
    EXPECT_EQ(plane_->tokens().authenticate(eyes)->role, Role::reader);
    for (const std::string& wrong : {std::string(), ci + "0", ci.substr(1), std::string("ci")})
        EXPECT_EQ(error_of(wrong), Errc::invalid_token) << wrong;
    restart();
    EXPECT_TRUE(is_good(ci));
    EXPECT_TRUE(is_good(eyes));
}

TEST_F(TokensTest, NoSecretIsWrittenAnywhere) {
    const std::string first = secret("ci");
    const std::string second = rotate({.name = "ci"})->find("token")->string();
    EXPECT_NE(first, second);
    const std::string text = journal_text();
    EXPECT_NE(text.find("token.created user:0 "), std::string::npos) << text;
    for (const std::string& value : {first, second}) {
        EXPECT_EQ(text.find(value), std::string::npos);
        EXPECT_EQ(text.find(value.substr(Tokens::kSecretPrefix.size())), std::string::npos);
        EXPECT_NE(text.find(codec::sha256(value).to_hex()), std::string::npos);
    }
    EXPECT_EQ(
        codec::canonical_json(*plane_->tokens_view(root())).find("kheish_"), std::string::npos);
}

TEST_F(TokensTest, RotationVoidsTheOldSecretAtOnce) {
    const std::string old = secret("ci");
    const Result<Json> rotated = rotate({.name = "ci"});
    ASSERT_TRUE(rotated.has_value()) << rotated.error().to_string();
    EXPECT_FALSE(is_good(old));
    EXPECT_TRUE(is_good(rotated->find("token")->string()));
    EXPECT_EQ(withdrawn_, std::vector<std::string>{"token:ci"});
    restart();
    EXPECT_FALSE(is_good(old));
    EXPECT_TRUE(is_good(rotated->find("token")->string()));
}

TEST_F(TokensTest, WhatIsRevokedStaysRevokedAndItsNameIsNotGivenAgain) {
    const std::string old = secret("ci");
    ASSERT_TRUE(revoke("ci").has_value());
    EXPECT_EQ(withdrawn_, std::vector<std::string>{"token:ci"});
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(error_of(old), Errc::invalid_token);
        EXPECT_EQ(create({.name = "ci"}).error().code, Errc::conflict);
        EXPECT_EQ(rotate({.name = "ci"}).error().code, Errc::conflict);
        EXPECT_EQ(revoke("ci").error().code, Errc::conflict);
        EXPECT_EQ(revoke("nobody").error().code, Errc::not_found);
        EXPECT_EQ(plane_->tokens_view(root())->size(), 0U);
        restart();
    }
}

TEST_F(TokensTest, AnExpiredSecretIsNoneAndWhoUsesItIsTold) {
    const Result<Json> made =
        create({.name = "ci", .expires_after = std::chrono::milliseconds(5000)});
    const std::string secret = made->find("token")->string();
    EXPECT_EQ(made->find("state")->string(), "active");
    timers_->pass(std::chrono::milliseconds(4999));
    EXPECT_TRUE(is_good(secret));
    EXPECT_TRUE(withdrawn_.empty());
    timers_->pass(std::chrono::milliseconds(1));
    EXPECT_EQ(error_of(secret), Errc::invalid_token);
    EXPECT_EQ(withdrawn_, std::vector<std::string>{"token:ci"});
    EXPECT_EQ(plane_->tokens_view(root())->items()[0].find("state")->string(), "expired");
    restart();
    EXPECT_EQ(error_of(secret), Errc::invalid_token);
    const Result<Json> again = rotate({.name = "ci"});
    EXPECT_TRUE(is_good(again->find("token")->string())) << "a new secret has a time of its own";
}

TEST_F(TokensTest, OnlyAdministratorsDecide) {
    (void)secret("ci");
    Caller alice = Caller::user(kAlice);
    EXPECT_EQ(create({.name = "mine"}, alice).error().code, Errc::forbidden);
    EXPECT_EQ(revoke("ci", alice).error().code, Errc::forbidden);
    EXPECT_EQ(plane_->tokens_view(alice).error().code, Errc::forbidden);
    EXPECT_EQ(plane_->tokens_view(root())->size(), 1U);
}

TEST_F(TokensTest, TwoAtOnceMakeOneToken) {
    std::vector<Result<Json>> answers;
    for (int i = 0; i < 2; ++i)
        plane_->create_token(
            root(), {.name = "ci"}, Responder<Json>([&answers](Result<Json> answer) {
                answers.push_back(std::move(answer));
            }));
    settle();
    ASSERT_EQ(answers.size(), 2U);
    EXPECT_EQ(answers[0].error().code, Errc::conflict);
    EXPECT_TRUE(answers[1].has_value());
}

TEST_F(TokensTest, BeforeTheCommitThereIsNothing) {
    std::optional<Result<Json>> answer;
    plane_->create_token(root(), {.name = "ci"}, Responder<Json>([&answer](Result<Json> result) {
                             answer = std::move(result);
                         }));
    EXPECT_FALSE(answer.has_value());
    EXPECT_EQ(plane_->tokens_view(root())->size(), 0U);
    crash();
    boot();
    EXPECT_EQ(plane_->tokens_view(root())->size(), 0U);
}

TEST_F(TokensTest, ThereAreOnlySoMany) {
    for (std::size_t i = 0; i < Tokens::kLiveLimit; ++i)
        ASSERT_TRUE(create({.name = "t" + std::to_string(i)}).has_value()) << i;
    EXPECT_EQ(create({.name = "more"}).error().code, Errc::conflict);
    restart();
    EXPECT_EQ(plane_->tokens_view(root())->size(), Tokens::kLiveLimit);
    ASSERT_TRUE(revoke("t7").has_value());
    EXPECT_TRUE(create({.name = "more"}).has_value());
}

TEST_F(TokensTest, AStreamOfEverythingTellsAdministratorsAndNobodyElse) {
    Caller alice = Caller::user(kAlice);
    for (const auto& [caller, frames] : {std::pair(root(), 1U), std::pair(alice, 0U)}) {
        const auto subscription = plane_->subscribe(caller, {}, EventSeq{0}, {});
        (void)create({.name = "for-" + std::to_string(frames)});
        std::size_t seen = 0;
        for (const Frame& frame : (*subscription)->read(1 << 20))
            seen += frame.data.find("token_created") != std::string::npos ? 1U : 0U;
        EXPECT_GE(seen, frames);
        EXPECT_EQ(seen == 0, frames == 0);
    }
}

TEST(Admission, ARoleIsAMeasureOfWhatItMayDo) {
    const auto admitted = [](Role role, Operation operation) -> std::string {
        const Result<Caller> caller = admit(Caller::token("ci", role), info(operation));
        return !caller ? "no" : caller->acts_for_others ? "all" : "own";
    };
    EXPECT_EQ(admitted(Role::anyone, Operation::health), "own");
    EXPECT_EQ(admitted(Role::anyone, Operation::runs_get), "no");
    EXPECT_EQ(admitted(Role::reader, Operation::runs_get), "all");
    EXPECT_EQ(admitted(Role::reader, Operation::runs_cancel), "no");
    EXPECT_EQ(admitted(Role::operate, Operation::runs_get), "own");
    EXPECT_EQ(admitted(Role::operate, Operation::runs_cancel), "own");
    EXPECT_EQ(admitted(Role::operate, Operation::tokens_create), "no");
    EXPECT_EQ(admitted(Role::admin, Operation::runs_cancel), "all");
    EXPECT_EQ(admitted(Role::admin, Operation::tokens_create), "all");
    for (const OperationInfo& row : operations()) {
        // Whoever may less than the operation takes is refused, whatever it is.
        for (const Role role : {Role::anyone, Role::reader, Role::operate, Role::admin})
            EXPECT_EQ(admit(Caller::token("ci", role), row).has_value(), role >= row.role)
                << row.name;
        // Nobody changes what is another's by role alone, but an admin.
        if (row.changes_state) {
            EXPECT_FALSE(admit(Caller::token("ci", Role::reader), row).has_value()) << row.name;
            const Result<Caller> operate = admit(Caller::token("ci", Role::operate), row);
            EXPECT_FALSE(operate && operate->acts_for_others) << row.name;
        }
    }
}

TEST(TokenRequests, BadOnesAreRefused) {
    const auto code = [](const Json& options) {
        const Result<CreateToken> request = parse_create_token(options);
        return request ? Errc::internal : request.error().code;
    };
    EXPECT_EQ(code(Json::object({{"name", "ci"}, {"role", "admin"}})), Errc::internal);
    for (const char* name : {"", "CI", "-ci", "a b", "a/b", "for:ci", "\xC3\xA9"})
        EXPECT_EQ(code(Json::object({{"name", name}, {"role", "admin"}})), Errc::bad_request)
            << name;
    EXPECT_EQ(
        code(Json::object({{"name", std::string(65, 'a')}, {"role", "admin"}})), Errc::bad_request);
    EXPECT_EQ(code(Json::object({{"name", "ci"}, {"role", "anyone"}})), Errc::bad_request);
    EXPECT_EQ(code(Json::object({{"name", "ci"}})), Errc::bad_request);
    EXPECT_EQ(
        code(Json::object({{"name", "ci"}, {"role", "admin"}, {"expires_after_ms", 0}})),
        Errc::bad_request);
    EXPECT_EQ(
        code(Json::object({{"name", "ci"}, {"role", "admin"}, {"secret", "s"}})),
        Errc::unknown_field);
}

} // namespace
} // namespace kheish::control
