#include "edge_fixture.hpp"

#include "http/endpoints.hpp"
#include "http/openapi.hpp"

#include <algorithm>
#include <cctype>

namespace kheish::http {
namespace {

using control::Operation;
using control::OperationInfo;

std::string path_of(const OperationInfo& operation) {
    std::string path(operation.http_path);
    if (const std::size_t at = path.find("{sid}"); at != std::string::npos)
        path.replace(at, 5, "demo");
    if (const std::size_t at = path.find("{rid}"); at != std::string::npos)
        path.replace(at, 5, "run-1");
    if (const std::size_t at = path.find("{qid}"); at != std::string::npos)
        path.replace(at, 5, "question-1-1");
    if (const std::size_t at = path.find("{name}"); at != std::string::npos)
        path.replace(at, 6, operation.name.starts_with("grants") ? "grant-1-1" : "claude");
    return path;
}

std::string body_of(const OperationInfo& operation) {
    if (operation.operation == control::Operation::sessions_submit ||
        operation.operation == control::Operation::sessions_input)
        return R"({"content":"hello"})";
    if (operation.audit == control::AuditClass::approve)
        return R"({"resolutions":[{"request_id":"approval-1-1","behavior":"allow"}]})";
    if (operation.audit == control::AuditClass::answer)
        return R"({"resolution":{"request_id":"question-1-1","declined":true}})";
    if (operation.operation == control::Operation::secrets_set)
        return R"({"slot_id":"claude","state":{"value":"sk-1"}})";
    if (operation.operation == control::Operation::permissions_check)
        return R"({"tool_name":"bash","input":{"command":"ls"}})";
    return "{}";
}

class Routes : public Edge {
  public:
    /// A request that the operation grants.
    static std::string request(const OperationInfo& operation) {
        std::string text = operation.http_method == "GET"
                               ? get(path_of(operation))
                               : post(path_of(operation), body_of(operation));
        if (operation.http_method == "DELETE")
            text.replace(0, 4, "DELETE");
        return text;
    }
    /// Of somebody who may.
    Client connect_for(const OperationInfo& operation) {
        identity.uid = operation.role == control::Role::admin ? 0 : 1000;
        return connect();
    }
    /// Asks, and rests the run that inline input waits for.
    Answer ask(const OperationInfo& operation) {
        Client client = connect_for(operation);
        client.send(request(operation));
        settle();
        service.rest_runs();
        (void)client.receive();
        return take_answer(client.received).value_or(Answer{});
    }
};

TEST_F(Routes, EveryHttpRowHasAnEndpointInTheOrderOfTheTable) {
    std::size_t index = 0;
    for (const OperationInfo& operation : control::operations()) {
        if (operation.http_path.empty())
            continue;
        ASSERT_LT(index, endpoints().size());
        const Endpoint& endpoint = endpoints()[index++];
        EXPECT_EQ(endpoint.operation, operation.operation) << operation.name;
        EXPECT_NE(endpoint.handler, nullptr) << operation.name;
        EXPECT_EQ(endpoint.body == Body::none, operation.body_limit_bytes == 0) << operation.name;
    }
    EXPECT_EQ(index, endpoints().size());
}

TEST_F(Routes, EveryHttpRowIsReachableAndAnswersItsStatus) {
    for (const Endpoint& endpoint : endpoints()) {
        const OperationInfo& operation = control::info(endpoint.operation);
        const Answer answer = ask(operation);
        EXPECT_EQ(answer.status, endpoint.success_status) << operation.name << answer.body;
        EXPECT_EQ(answer.header("content-type"), endpoint.content_type) << operation.name;
        EXPECT_EQ(answer.header("cache-control"), "no-store") << operation.name;
        EXPECT_EQ(answer.header("date"), "Sun, 06 Nov 1994 08:49:37 GMT") << operation.name;
    }
}

TEST_F(Routes, WhatChangesSomethingTakesAnIdempotencyKey) {
    for (const Endpoint& endpoint : endpoints()) {
        const OperationInfo& operation = control::info(endpoint.operation);
        // Done twice these are as done once; and a receipt would have to tell secrets apart.
        const bool needs_none = operation.operation == Operation::grants_revoke ||
                                operation.audit == control::AuditClass::administer;
        EXPECT_EQ(operation.idempotency_key, operation.changes_state && !needs_none)
            << operation.name;
        if (!operation.idempotency_key)
            continue;
        Client client = connect();
        const Answer answer =
            client.ask(post(path_of(operation), body_of(operation), "Idempotency-Key: \xff\r\n"));
        EXPECT_EQ(answer.code(), "invalid_idempotency_key") << operation.name;
    }
}

TEST_F(Routes, HeadIsGetWithoutABody) {
    for (const Endpoint& endpoint : endpoints()) {
        const OperationInfo& operation = control::info(endpoint.operation);
        if (operation.http_method != "GET")
            continue;
        Client client = connect_for(operation);
        const Answer with_body = client.ask(get(path_of(operation)));
        Client other = connect_for(operation);
        std::string request = get(path_of(operation));
        request.replace(0, 3, "HEAD");
        const Answer answer = other.ask(request, true);
        EXPECT_EQ(answer.status, 200) << operation.name;
        EXPECT_EQ(answer.header("content-type"), endpoint.content_type) << operation.name;
        EXPECT_EQ(answer.header("content-length"), with_body.header("content-length"));
        EXPECT_EQ(other.received, "") << operation.name;
        EXPECT_EQ(other.ask(get("/healthz")).body, "ok\n") << "the connection goes on";
    }
}

TEST_F(Routes, OtherMethodsAre405WithAllow) {
    for (const Endpoint& endpoint : endpoints()) {
        const OperationInfo& operation = control::info(endpoint.operation);
        for (const std::string method : {"PUT", "DELETE", "PATCH", "TRACE", "GET", "POST"}) {
            Target target = *parse_target(path_of(operation));
            if (Router().match(method, target).operation != nullptr)
                continue;
            Client client = connect();
            const Answer answer =
                client.ask(method + " " + path_of(operation) + " HTTP/1.1\r\nHost: x\r\n\r\n");
            EXPECT_EQ(answer.status, 405) << method << operation.name;
            EXPECT_EQ(answer.code(), "method_not_allowed");
            EXPECT_NE(answer.header("allow").find(operation.http_method), std::string::npos);
        }
    }
}

TEST_F(Routes, OptionsTellsTheMethods) {
    Client client = connect();
    const Answer one = client.ask("OPTIONS /v1/sessions HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(one.status, 204);
    EXPECT_EQ(one.header("allow"), "POST, GET, HEAD, OPTIONS");
    EXPECT_EQ(one.headers.count("content-length"), 0U);
    EXPECT_EQ(client.ask("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n").status, 204);
    EXPECT_EQ(client.ask("OPTIONS /v1/nothing HTTP/1.1\r\nHost: x\r\n\r\n").status, 404);
}

TEST_F(Routes, HealthIsText) {
    Client client = connect();
    EXPECT_EQ(client.ask(get("/healthz")).body, "ok\n");
    EXPECT_EQ(client.ask(get("/readyz")).body, "ready\n");
    service.ready = fail(Errc::daemon_draining, "stopping");
    const Answer draining = client.ask(get("/readyz"));
    EXPECT_EQ(draining.status, 503);
    EXPECT_EQ(draining.code(), "daemon_draining");
    EXPECT_EQ(draining.json().find("domain")->string(), "readiness");
    EXPECT_EQ(draining.header("retry-after"), "1");
    EXPECT_EQ(draining.header("content-type"), "application/problem+json");
}

TEST_F(Routes, ProblemsHaveAllTheirMembers) {
    Client client = connect();
    const codec::Json problem = client.ask(get("/v1/runs/run-99")).json();
    EXPECT_EQ(problem.find("type")->string(), "urn:kheish:problem:run_not_found");
    EXPECT_EQ(problem.find("title")->string(), "Not Found");
    EXPECT_EQ(problem.find("status")->integer(), 404);
    EXPECT_EQ(problem.find("detail")->string(), "there is no run-99");
    EXPECT_EQ(problem.find("code")->string(), "run_not_found");
    EXPECT_EQ(problem.find("domain")->string(), "runs");
    EXPECT_EQ(problem.size(), 6U);
}

TEST_F(Routes, InputAnswersWhenTheRunIsAtRest) {
    Client client = connect();
    client.send(post("/v1/sessions/demo/input", R"({"content":"go"})"));
    EXPECT_EQ(client.receive(), "");
    ASSERT_EQ(service.waiting_for_rest.size(), 1U);
    Client second = connect();
    const Answer busy = second.ask(post("/v1/sessions/demo/input", R"({"content":"go"})"));
    EXPECT_EQ(busy.status, 409);
    EXPECT_EQ(busy.code(), "session_busy");
    service.rest_runs();
    const Answer answer = client.ask("");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.json().find("session_id")->string(), "demo");
}

TEST_F(Routes, InputOfAClientThatGoesAwayGoesOn) {
    Client client = connect();
    client.send(post("/v1/sessions/demo/input", R"({"content":"go"})"));
    settle();
    client.disconnect();
    settle();
    ASSERT_EQ(service.waiting_for_rest.size(), 1U);
    EXPECT_EQ(service.changes, std::vector<std::string>{"submit go"});
    service.rest_runs();
    settle();
    EXPECT_EQ(server.connections(), 0U);
}

TEST_F(Routes, ReasonsArePassedOn) {
    Client client = connect();
    for (const char* path :
         {"/v1/sessions/demo/interrupt", "/v1/sessions/demo/end", "/v1/runs/run-1/cancel"})
        EXPECT_EQ(client.ask(post(path, R"({"reason":"enough"})")).status, 200) << path;
    EXPECT_EQ(
        service.changes,
        (std::vector<std::string>{
            "interrupt demo enough", "end demo enough", "cancel run-1 enough"}));
}

TEST_F(Routes, TheIdempotencyKeyIsPassedOn) {
    Client client = connect();
    const std::string path = "/v1/sessions/demo/runs";
    EXPECT_EQ(client.ask(post(path, R"({"content":"a"})", "Idempotency-Key: k1\r\n")).status, 202);
    EXPECT_EQ(service.last_input.idempotency_key, "k1");
    const Answer differs = client.ask(
        post(path, R"({"content":"a","idempotency_key":"k2"})", "Idempotency-Key: k1\r\n"));
    EXPECT_EQ(differs.status, 400);
    EXPECT_EQ(differs.code(), "invalid_idempotency_key");
    EXPECT_EQ(
        client.ask(post(path, R"({"content":"a"})", "Idempotency-Key: \xff\r\n")).code(),
        "invalid_idempotency_key");
    EXPECT_EQ(service.changes.size(), 1U);
}

TEST_F(Routes, TheCallerIsWhoTheListenerSays) {
    identity.uid = 1234;
    Client client = connect();
    EXPECT_EQ(client.ask(get("/v1/runs/run-1")).status, 200);
    EXPECT_EQ(service.last_caller.principal, Principal::user(1234));
    EXPECT_FALSE(service.last_caller.acts_for_others);
    identity.refuse = true;
    const Answer refused = client.ask(get("/v1/runs/run-1"));
    EXPECT_EQ(refused.status, 403);
    EXPECT_EQ(refused.code(), "insufficient_access");
}

TEST_F(Routes, AnApprovalOfASessionAnswersTheSessionAndADetachedOneTheRun) {
    Client client = connect();
    const std::string body =
        R"({"resolutions":[{"request_id":"approval-1-1","behavior":"deny","reason":"no"}]})";
    EXPECT_TRUE(client.ask(post("/v1/sessions/demo/approvals", body)).json().find("outputs"));
    EXPECT_TRUE(client.ask(post("/v1/sessions/demo/approval-runs", body)).json().find("run_id"));
    EXPECT_TRUE(client.ask(post("/v1/runs/run-1/approvals", body)).json().find("run_id"));
    EXPECT_EQ(service.changes.size(), 3U);
}

TEST_F(Routes, BodiesThatAreOptionalMayBeAbsent) {
    Client client = connect();
    const std::string head = " HTTP/1.1\r\nHost: x\r\n\r\n";
    EXPECT_EQ(client.ask("POST /v1/runs/run-1/cancel" + head).status, 200);
    EXPECT_EQ(client.ask("POST /v1/sessions/demo/end" + head).status, 200);
    EXPECT_EQ(client.ask("POST /v1/sessions" + head).status, 201);
    EXPECT_EQ(client.ask("POST /v1/sessions/demo/runs" + head).code(), "bad_request");
}

TEST_F(Routes, ASessionIsMadeWithItsScopes) {
    Client client = connect();
    const auto create = [&client](const std::string& member, const std::string& scope) {
        return client.ask(post("/v1/sessions", "{\"" + member + "\":" + scope + "}"));
    };
    EXPECT_EQ(create("capability_scope", R"({"mcp_tool_deny":["mcp__a__b"]})").status, 201);
    EXPECT_FALSE(service.last_session.capability_scope->mcp_tools.permits("mcp__a__b"));
    EXPECT_EQ(create("credential_scope", R"({"route_allow":[]})").status, 201);
    EXPECT_FALSE(service.last_session.credential_scope->routes.permits("claude"));
    for (const std::string member : {"capability_scope", "credential_scope"}) {
        EXPECT_EQ(create(member, "null").status, 201);
        EXPECT_EQ(create(member, "[]").code(), "bad_request");
        EXPECT_EQ(create(member, R"({"mcp_server_allow":["a","a"]})").code(), "bad_request");
        EXPECT_EQ(create(member, R"({"nonsense_allow":[]})").code(), "unknown_field");
    }
}

TEST_F(Routes, TheOpenApiDocumentNamesEveryPathAndMethod) {
    Client client = connect();
    const codec::Json document = client.ask(get("/v1/openapi.json")).json();
    EXPECT_EQ(document.find("openapi")->string(), "3.1.0");
    EXPECT_EQ(document.find("info")->find("x-api-revision")->integer(), 3);
    std::size_t count = 0;
    for (const std::string& path : document.find("paths")->keys())
        count += document.find("paths")->find(path)->size();
    EXPECT_EQ(count, endpoints().size());
    for (const Endpoint& endpoint : endpoints()) {
        const OperationInfo& operation = control::info(endpoint.operation);
        std::string method(operation.http_method);
        std::transform(method.begin(), method.end(), method.begin(), ::tolower);
        const std::optional<codec::Json> entry =
            document.find("paths")->find(operation.http_path)->find(method);
        ASSERT_TRUE(entry) << operation.name;
        EXPECT_EQ(entry->find("operationId")->string(), operation.name);
        EXPECT_TRUE(entry->find("responses")->find(std::to_string(endpoint.success_status)));
        EXPECT_EQ(entry->find("requestBody").has_value(), endpoint.body != Body::none);
    }
}

} // namespace
} // namespace kheish::http
