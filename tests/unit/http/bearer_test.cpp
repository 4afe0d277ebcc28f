#include "edge_fixture.hpp"

#include "http/bearer_tokens.hpp"

/// A listener that is not only this machine's users': who is let in, and what the others learn.
namespace kheish::http {
namespace {

using control::Caller;
using control::Role;

/// The tests' connections are socketpairs, which have no address.
class AddressedBearerTokens final : public Identity {
  public:
    AddressedBearerTokens(
        BrowserGuard guard, BearerTokens::Authenticate authenticate, Failures failures)
        : tokens_(std::move(guard), std::move(authenticate), std::move(failures)) {}
    Result<Peer> peer(int) const override { return Peer{static_cast<uid_t>(-1), "192.0.2.1"}; }
    Status admit(const Peer& peer, const Request& request) override {
        return tokens_.admit(peer, request);
    }
    Result<Caller> caller(const Peer& peer, const Request& request) override {
        return tokens_.caller(peer, request);
    }
    HeaderFields fields(const Request& request) const override { return tokens_.fields(request); }

  private:
    BearerTokens tokens_;
};

class Bearer : public Edge {
  public:
    explicit Bearer(BrowserGuard::Names names = {})
        : door_(
              BrowserGuard(std::move(names)),
              [](std::string_view secret) { return whose(secret); },
              Failures(clock, [this](control::AuthenticationFailure failure) {
                  service.note_authentication_failure(std::move(failure));
              })) {}

    static Result<Caller> whose(std::string_view secret) {
        for (const auto& [known, role] :
             {std::pair("kheish_r", Role::reader),
              std::pair("kheish_o", Role::operate),
              std::pair("kheish_a", Role::admin)})
            if (secret == known)
                return Caller::token(known, role);
        return fail(Errc::invalid_token, "nobody's token");
    }
    Client knock() {
        std::array<int, 2> ends{};
        KHEISH_ASSERT(
            socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
        KHEISH_ASSERT(server.adopt(Fd(ends[0]), door_));
        return {*this, Fd(ends[1])};
    }
    Answer ask(const std::string& request) {
        Client client = knock();
        return client.ask(request);
    }
    static std::string with(const std::string& token) {
        return "Authorization: Bearer " + token + "\r\n";
    }

  private:
    AddressedBearerTokens door_;
};

TEST_F(Bearer, NothingButHealthIsToldWithoutAToken) {
    EXPECT_EQ(ask(get("/healthz")).status, 200);
    EXPECT_EQ(ask(get("/readyz")).status, 200);
    for (const std::string& request :
         {get("/v1/status"),
          get("/v1/runs/run-1"),
          get("/v1/openapi.json"),
          get("/v1/nothing/of/ours"),
          get("/"),
          post("/v1/sessions", "{}"),
          post("/v1/status", "{}")}) {
        const Answer answer = ask(request);
        EXPECT_EQ(answer.status, 401) << request;
        EXPECT_EQ(answer.code(), "missing_token") << request;
        EXPECT_EQ(answer.header("www-authenticate"), "Bearer realm=\"kheishd\"");
        EXPECT_EQ(answer.header("allow"), "") << "what there is, is not said";
    }
    EXPECT_TRUE(service.changes.empty());
}

TEST_F(Bearer, WhatIsNoTokenIsToldApartFromWhatIsNobodys) {
    const auto code = [this](const std::string& header) {
        return ask(get("/v1/status", header)).code();
    };
    EXPECT_EQ(code("Authorization: Bearer kheish_x\r\n"), "invalid_token");
    EXPECT_EQ(code("Authorization: bEaReR   kheish_r\r\n"), "") << "the scheme's case is free";
    for (const std::string& header :
         {std::string("Basic YTpi"),
          std::string("Bearer"),
          std::string("Bearer "),
          std::string("Bearer a b"),
          std::string("Bearer a,b"),
          std::string("kheish_r"),
          "Bearer " + std::string(BearerTokens::kSecretLimitBytes + 1, 'a')})
        EXPECT_EQ(code("Authorization: " + header + "\r\n"), "malformed_token") << header;
    const Answer twice = ask(get("/v1/status", with("kheish_r") + with("kheish_a")));
    EXPECT_EQ(twice.status, 400);
}

TEST_F(Bearer, ARoleIsTheMostThatATokenMay) {
    struct Row {
        std::string token;
        int read;
        int change;
    };
    for (const Row& row :
         {Row{"kheish_r", 200, 403}, {"kheish_o", 200, 201}, {"kheish_a", 200, 201}}) {
        EXPECT_EQ(ask(get("/v1/runs/run-1", with(row.token))).status, row.read) << row.token;
        EXPECT_EQ(service.last_caller.principal.to_string(), "token:" + row.token);
        EXPECT_EQ(service.last_caller.acts_for_others, row.token != "kheish_o");
        const Answer change = ask(post("/v1/sessions", "{}", with(row.token)));
        EXPECT_EQ(change.status, row.change) << row.token << change.body;
    }
    EXPECT_EQ(ask(get("/v1/none", with("kheish_a"))).status, 404);
    EXPECT_EQ(ask(post("/v1/status", "{}", with("kheish_a"))).status, 405);
}

TEST_F(Bearer, FailuresAreOnRecordAndSlowedDown) {
    for (int i = 0; i < Failures::kLimit; ++i)
        ASSERT_EQ(ask(get("/v1/status", with("kheish_x"))).status, 401) << i;
    EXPECT_EQ(service.failures, std::vector<std::string>{"invalid_token 192.0.2.1"});
    for (int i = 0; i < 3; ++i) {
        const Answer answer = ask(get("/v1/status", with("kheish_x")));
        EXPECT_EQ(answer.status, 429);
        EXPECT_EQ(answer.code(), "rate_limited");
        EXPECT_EQ(answer.header("retry-after"), "60");
    }
    EXPECT_EQ(
        service.failures,
        (std::vector<std::string>{"invalid_token 192.0.2.1", "invalid_token 192.0.2.1 limited"}));
    EXPECT_EQ(ask(get("/v1/status")).status, 401) << "another reason has a count of its own";
    EXPECT_EQ(ask(get("/v1/status", with("kheish_r"))).status, 200) << "a good token is let in";
}

TEST_F(Bearer, AnotherHostsNameIsRefused) {
    const auto status = [this](const std::string& host) {
        return ask("GET /healthz HTTP/1.1\r\nHost: " + host + "\r\n\r\n").status;
    };
    for (const char* good : {"localhost", "LOCALHOST:4000", "127.0.0.1:80", "[::1]", "[::1]:4000"})
        EXPECT_EQ(status(good), 200) << good;
    for (const char* bad :
         {"evil.example",
          "localhost.evil.example",
          "127.0.0.1.evil.example:4000",
          "127.0.0.1:x",
          "",
          "[::1",
          "[::1]x",
          "127.0.0.2",
          "localhost@evil.example",
          "0x7f000001"})
        EXPECT_EQ(status(bad), 403) << bad;
    EXPECT_EQ(ask("GET /healthz HTTP/1.0\r\n\r\n").status, 403) << "no name at all";
    EXPECT_EQ(
        ask("GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 403);
    EXPECT_EQ(ask("GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 200);
}

TEST_F(Bearer, AnotherSitesPageIsRefusedAndAnAllowedOneIsAnswered) {
    const auto answer = [this](const std::string& origin) {
        return ask(get("/v1/status", with("kheish_r") + "Origin: " + origin + "\r\n"));
    };
    for (const char* good : {"http://localhost:3000", "https://127.0.0.1", "http://[::1]:5173"}) {
        EXPECT_EQ(answer(good).status, 200) << good;
        EXPECT_EQ(answer(good).header("access-control-allow-origin"), good);
        EXPECT_EQ(answer(good).header("vary"), "Origin");
    }
    for (const char* bad :
         {"null",
          "http://evil.example",
          "http://127.0.0.1.example.com",
          "file://",
          "localhost",
          "http://localhost@evil.example",
          "ftp://localhost"}) {
        const Answer refused = answer(bad);
        EXPECT_EQ(refused.status, 403) << bad;
        EXPECT_EQ(refused.code(), "origin_not_allowed") << bad;
        EXPECT_EQ(refused.header("access-control-allow-origin"), "") << bad;
    }
    // An error is readable for the page as well.
    const Answer missing = ask(get("/v1/status", "Origin: http://localhost:3000\r\n"));
    EXPECT_EQ(missing.status, 401);
    EXPECT_EQ(missing.header("access-control-allow-origin"), "http://localhost:3000");
}

TEST_F(Bearer, ABrowserMayAskBeforeItAsks) {
    const Answer preflight =
        ask("OPTIONS /v1/sessions HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost:3000\r\n"
            "Access-Control-Request-Method: POST\r\n\r\n");
    EXPECT_EQ(preflight.status, 204);
    EXPECT_NE(preflight.header("access-control-allow-methods").find("POST"), std::string::npos);
    EXPECT_NE(
        preflight.header("access-control-allow-headers").find("authorization"), std::string::npos);
    EXPECT_EQ(preflight.header("access-control-max-age"), "600");
    EXPECT_EQ(preflight.header("access-control-allow-credentials"), "");
}

TEST_F(Bearer, AStreamEndsWithItsToken) {
    Client client = knock();
    client.send(get("/v1/events/stream", with("kheish_r")));
    settle();
    EXPECT_EQ(server.streams(), 1U);
    server.withdraw(Principal::token("kheish_a"));
    settle();
    EXPECT_EQ(server.streams(), 1U) << "another's";
    server.withdraw(Principal::token("kheish_r"));
    settle();
    EXPECT_EQ(server.streams(), 0U);
    (void)client.receive();
    EXPECT_TRUE(client.closed());
}

class BearerWithNames : public Bearer {
  public:
    BearerWithNames()
        : Bearer({.hosts = {"kheish.example"}, .origins = {"https://panel.example:8443"}}) {}
};

TEST_F(BearerWithNames, ConfiguredNamesAreAllowedAndAListOfOriginsIsWhole) {
    EXPECT_EQ(ask("GET /healthz HTTP/1.1\r\nHost: Kheish.Example:4000\r\n\r\n").status, 200);
    const auto status = [this](const std::string& origin) {
        return ask(get("/healthz", "Origin: " + origin + "\r\n")).status;
    };
    EXPECT_EQ(status("https://panel.example:8443"), 200);
    EXPECT_EQ(status("https://panel.example"), 403);
    EXPECT_EQ(status("http://panel.example:8443"), 403);
    EXPECT_EQ(status("http://localhost:3000"), 403);
}

TEST(BrowserGuard, NamesThatAreNoneAreRefused) {
    EXPECT_TRUE(BrowserGuard::check({.hosts = {"kheish.example", "[2001:db8::1]"}}));
    EXPECT_TRUE(BrowserGuard::check({.origins = {"https://panel.example"}}));
    for (const char* host : {"Kheish.example", "kheish.example:4000", "a/b", "http://a", "*"})
        EXPECT_FALSE(BrowserGuard::check({.hosts = {host}})) << host;
    for (const char* origin : {"panel.example", "https://panel.example/", "*", "null", "https://"})
        EXPECT_FALSE(BrowserGuard::check({.origins = {origin}})) << origin;
}

TEST(BearerTokensPeer, OnlyTheInternetHasAddresses) {
    FakeClock clock;
    const BearerTokens tokens(
        BrowserGuard({}), &Bearer::whose, Failures(clock, [](const auto&) {}));
    std::array<int, 2> ends{};
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    const Fd ours(ends[0]);
    const Fd theirs(ends[1]);
    EXPECT_EQ(tokens.peer(ours.get()).error().code, Errc::unauthorized);
    EXPECT_EQ(tokens.peer(-1).error().code, Errc::unauthorized);
}

TEST(FailuresOfManyPeers, AreBounded) {
    FakeClock clock;
    std::vector<std::string> told;
    Failures failures(clock, [&told](control::AuthenticationFailure failure) {
        told.push_back(failure.peer + (failure.limited ? " limited" : ""));
    });
    Request request;
    request.method = "GET";
    request.target = "/v1/status?token=secret";
    for (std::size_t i = 0; i < 2 * Failures::kBucketLimit; ++i)
        (void)failures.note(
            "peer-" + std::to_string(i),
            request,
            Error{.code = Errc::missing_token, .message = ""});
    EXPECT_EQ(told.size(), static_cast<std::size_t>(Failures::kToldLimit));
    const Error last =
        failures.note("one-more", request, Error{.code = Errc::missing_token, .message = ""});
    EXPECT_EQ(last.code, Errc::authentication_rate_limited) << "the others share one count";
}

} // namespace
} // namespace kheish::http
