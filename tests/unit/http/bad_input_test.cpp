#include "edge_fixture.hpp"

namespace kheish::http {
namespace {

class BadInput : public Edge {
  public:
    /// What one request on a connection of its own gets.
    Answer ask(const std::string& request) {
        Client client = connect();
        const Answer answer = client.ask(request);
        EXPECT_EQ(answer.header("content-type"), "application/problem+json") << request;
        EXPECT_EQ(answer.json().find("status").value_or(codec::Json()).integer(), answer.status)
            << request;
        EXPECT_EQ(service.changes.size(), 0U) << request;
        if (answer.header("connection") == "close") {
            client.finish_sending();
            (void)client.receive();
            EXPECT_TRUE(client.closed()) << request;
        } else {
            EXPECT_EQ(client.ask(get("/healthz")).status, 200) << "the connection is usable";
        }
        return answer;
    }
    std::string code(const std::string& request) { return ask(request).code(); }
    std::string code_of_body(const std::string& body) {
        return code(post("/v1/sessions/demo/runs", body));
    }
    /// A request line and headers of which one is under test.
    static std::string with(const std::string& headers) {
        return "POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" +
               headers + "\r\n";
    }
};

TEST_F(BadInput, UnknownPathsAre404) {
    for (const std::string path :
         {"/",
          "/v1",
          "/v1/",
          "/v1/nothing",
          "/v1/sessions/demo/nothing",
          "/V1/status",
          "/v1/status/",
          "//v1/status",
          "/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a"}) {
        const Answer answer = ask(get(path));
        EXPECT_EQ(answer.status, 404) << path;
        EXPECT_EQ(answer.code(), "route_not_found") << path;
        EXPECT_EQ(answer.json().find("domain")->string(), "api") << path;
    }
}

TEST_F(BadInput, BrokenTargetsAre400) {
    for (const std::string path :
         {"/v1/sessions/%",
          "/v1/sessions/%2",
          "/v1/sessions/%zz",
          "/v1/sessions/a%2Fb",
          "/v1/sessions/a%2fb",
          "/v1/sessions/a%00",
          "/v1/sessions/a%0a",
          "/v1/sessions/.",
          "/v1/sessions/..",
          "/v1/sessions/%2e%2E",
          "/v1/../healthz",
          "/v1/runs?limit=1&limit=2",
          "/v1/runs?limit=%"}) {
        EXPECT_EQ(code(get(path)), "bad_request") << path;
    }
    EXPECT_EQ(code("GET v1/status HTTP/1.1\r\nHost: x\r\n\r\n"), "bad_request");
    EXPECT_EQ(code("GET /v1/status#x HTTP/1.1\r\nHost: x\r\n\r\n"), "bad_request");
    EXPECT_EQ(code("CONNECT example:80 HTTP/1.1\r\nHost: x\r\n\r\n"), "bad_request");
    EXPECT_EQ(code(get("/v1/sessions/\xc3\x28")), "invalid_utf8");
    EXPECT_EQ(code(get("/v1/sessions/%ff")), "invalid_utf8");
}

TEST_F(BadInput, IdsAreChecked) {
    EXPECT_EQ(code(get("/v1/sessions/")), "invalid_session_id");
    EXPECT_EQ(code(get("/v1/sessions//events")), "invalid_session_id");
    EXPECT_EQ(code(get("/v1/sessions/a%20b")), "invalid_session_id");
    EXPECT_EQ(code(get("/v1/sessions/" + std::string(129, 'a'))), "invalid_session_id");
    EXPECT_EQ(code(get("/v1/sessions/nobody")), "session_not_found");
    EXPECT_EQ(code(get("/v1/runs/run-")), "run_not_found");
    EXPECT_EQ(code(get("/v1/runs/1")), "run_not_found");
    EXPECT_EQ(code(get("/v1/runs/run-99999999999999999999")), "run_not_found");
    EXPECT_EQ(code(get("/v1/runs/run-2")), "run_not_found");
    EXPECT_EQ(code(post("/v1/sessions", R"({"session_id":""})")), "invalid_session_id");
    EXPECT_EQ(code(post("/v1/sessions", R"({"session_id":"."})")), "invalid_session_id");
    EXPECT_EQ(code(post("/v1/sessions", R"({"session_id":".."})")), "invalid_session_id");
}

TEST_F(BadInput, BodiesAreChecked) {
    EXPECT_EQ(code_of_body(R"({"content":"a","extra":1})"), "unknown_field");
    EXPECT_EQ(code_of_body(R"({"content":5})"), "bad_request");
    EXPECT_EQ(code_of_body(R"(["content"])"), "bad_request");
    EXPECT_EQ(code_of_body(R"({"content":"a")"), "invalid_json");
    EXPECT_EQ(code_of_body(R"({"content":"a","content":"b"})"), "invalid_json");
    EXPECT_EQ(code_of_body("{\"content\":\"\xff\"}"), "invalid_utf8");
    EXPECT_EQ(code_of_body(R"({"content":"a"} {})"), "invalid_json");
    EXPECT_EQ(code_of_body(""), "bad_request");
    EXPECT_EQ(
        code(post("/v1/runs/run-1/approvals", R"({"resolutions":[]})")), "approval_batch_empty");
}

TEST_F(BadInput, QueriesAreChecked) {
    EXPECT_EQ(code(get("/v1/status?verbose=1")), "unknown_field");
    EXPECT_EQ(code(get("/v1/runs?limit=0")), "invalid_limit");
    EXPECT_EQ(code(get("/v1/runs?limit=many")), "bad_request");
    EXPECT_EQ(code(get("/v1/runs?session_id=..")), "invalid_session_id");
    EXPECT_EQ(code(get("/v1/events/stream?cursor=abc")), "invalid_event_cursor");
    EXPECT_EQ(code(get("/v1/events/stream?cursor=-1")), "invalid_event_cursor");
    EXPECT_EQ(code(get("/v1/events/stream", "Last-Event-ID: 1x\r\n")), "invalid_event_cursor");
    EXPECT_EQ(code(get("/v1/events/stream?run_id=5")), "run_not_found");
    EXPECT_EQ(code(get("/v1/sessions/nobody/stream")), "session_not_found");
    EXPECT_EQ(code(get("/v1/runs/run-8/stream")), "run_not_found");
}

TEST_F(BadInput, MediaTypesOfBodiesAreChecked) {
    const std::string path = "POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n";
    const Answer none = ask(path + "\r\n{}");
    EXPECT_EQ(none.status, 415);
    EXPECT_EQ(none.code(), "unsupported_media_type");
    EXPECT_EQ(ask(path + "Content-Type: text/plain\r\n\r\n{}").status, 415);
    EXPECT_EQ(ask(path + "Content-Type: application/json;charset=latin1\r\n\r\n{}").status, 415);
    Client client = connect();
    EXPECT_EQ(
        client.ask(path + "Content-Type: Application/JSON ; charset=\"UTF-8\"\r\n\r\n{}").status,
        201);
}

TEST_F(BadInput, AmbiguousLengthsAreRefused) {
    for (const std::string headers :
         {"Content-Length: 2\r\nContent-Length: 3\r\n",
          "Content-Length: 2\r\nContent-Length: 2\r\n",
          "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
          "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
          "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
          "Content-Length: 2, 2\r\n",
          "Content-Length: +2\r\n",
          "Content-Length: -2\r\n",
          "Content-Length: 0x2\r\n",
          "Content-Length: \r\n",
          "Content-Length : 2\r\n",
          "Content-Length: 99999999999999999999\r\n"}) {
        const Answer answer = ask(with(headers) + "{}");
        EXPECT_EQ(answer.status, 400) << headers;
        EXPECT_EQ(answer.header("connection"), "close") << headers;
    }
    const Answer coding = ask(with("Transfer-Encoding: gzip, chunked\r\n"));
    EXPECT_GE(coding.status, 400);
    EXPECT_EQ(coding.header("connection"), "close");
    EXPECT_EQ(
        ask("POST /v1/sessions HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").status,
        400);
}

TEST_F(BadInput, BrokenHeadsAreRefused) {
    for (const std::string request :
         {"GET /healthz HTTP/1.1\r\n\r\n",
          "GET /healthz HTTP/1.1\nHost: x\n\n",
          "GET /healthz HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n",
          "GET /healthz HTTP/1.1\r\nHost: x\r\nNo colon\r\n\r\n",
          "GET /healthz HTTP/1.1\r\nHost: x\r\n: empty\r\n\r\n",
          "GET /healthz HTTP/1.1\r\nHost: x\r\nBad name: 1\r\n\r\n",
          "GET /healthz HTTP/1.1\r\nHost: x\r\nA: b\x01\r\n\r\n",
          "GET /healthz HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n",
          "GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
          "GET  HTTP/1.1\r\nHost: x\r\n\r\n",
          "BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n",
          "GET /healthz\r\nHost: x\r\n\r\n",
          "\r\n\r\n\r\n\r\n\r\n\r\n",
          "\x16\x03\x01\x02\r\n",
          "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}) {
        const Answer answer = ask(request);
        EXPECT_TRUE(answer.status == 400 || answer.status == 505) << request;
    }
    const std::string nul("GET /healthz HTTP/1.1\r\nHost: x\0\r\n\r\n", 36);
    EXPECT_EQ(ask(nul).status, 400);
    EXPECT_EQ(ask("GET /healthz HTTP/2.0\r\nHost: x\r\n\r\n").status, 505);
}

TEST_F(BadInput, OversizedHeadsAreRefused) {
    const Answer line = ask("GET /" + std::string(kRequestLineLimitBytes, 'a'));
    EXPECT_EQ(line.status, 414);
    EXPECT_EQ(line.code(), "uri_too_long");
    const Answer bytes = ask(get("/healthz", "A: " + std::string(kHeaderLimitBytes, 'a')));
    EXPECT_EQ(bytes.status, 431);
    EXPECT_EQ(bytes.code(), "request_header_fields_too_large");
    std::string many;
    for (std::size_t i = 0; i < kHeaderCountLimit; ++i)
        many += "A: b\r\n";
    EXPECT_EQ(ask(get("/healthz", many)).status, 431);
}

TEST_F(BadInput, OversizedBodiesAreRefused) {
    const Answer announced =
        ask(with("Content-Length: " + std::to_string(control::kSmallBodyLimitBytes + 1) + "\r\n"));
    EXPECT_EQ(announced.status, 413);
    EXPECT_EQ(announced.code(), "payload_too_large");
    std::string chunks;
    for (std::size_t sent = 0; sent <= control::kSmallBodyLimitBytes; sent += 0x1000)
        chunks += "1000\r\n" + std::string(0x1000, ' ') + "\r\n";
    EXPECT_EQ(ask(with("Transfer-Encoding: chunked\r\n") + chunks).status, 413);
    EXPECT_EQ(ask("GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx").status, 413);
    Client client = connect();
    EXPECT_EQ(
        client.ask(post("/v1/sessions", std::string(control::kSmallBodyLimitBytes - 2, ' ') + "{}"))
            .status,
        201);
}

TEST_F(BadInput, BrokenChunksAreRefused) {
    for (const std::string body : {"x\r\n", "-1\r\n", "2\r\n{}x", "fffffffffffffffff\r\n"})
        EXPECT_EQ(ask(with("Transfer-Encoding: chunked\r\n") + body).status, 400) << body;
}

} // namespace
} // namespace kheish::http
