#include "support.hpp"

#include <iostream>

/// Writes a small journal of the newest schema to the path given, for tests/data/journal.
namespace kheish::journal {
namespace {

Write run_events() {
    Write write = run_write(1, "demo");
    write.events[0].authority = "agent:agent-demo for user:1000";
    write.events[0].body = "{\"text\":\"\u00e9\"}";
    for (const char* type : {"tool.started", "tool.finished", "run.completed"}) {
        write.events.push_back(make_event("demo", 1));
        write.events.back().type = type;
    }
    return write;
}

Write rows() {
    Write write = run_events();
    write.blobs.emplace_back("an answer");
    RunRow& run = std::get<RunRow>(write.rows[0]);
    run.status = "completed";
    run.finished_us = 1'700'000'000'000'003;
    run.memory_peak_bytes = 1 << 20;
    ToolCallRow call;
    call.run = run.run;
    call.call = {"call-1-0"};
    call.tool = "bash";
    call.input = run.input;
    call.result = codec::blob_ref("an answer");
    call.exit_code = 0;
    ApprovalRow approval;
    approval.approval = {"approval-1-1"};
    approval.run = run.run;
    approval.session = run.session;
    approval.call = call.call;
    approval.input = run.input;
    approval.state = ApprovalState::allowed;
    OutputRow output;
    output.run = run.run;
    output.session = run.session;
    output.source_kind = "assistant_text";
    output.content = codec::blob_ref("an answer");
    TokenRow token;
    token.name = "ci";
    token.role = "operator";
    token.digest = codec::sha256("secret");
    token.created_us = 1'700'000'000'000'000;
    token.created_by = "user:0";
    GrantRow grant;
    grant.grant = "grant-1-1";
    grant.run = run.run;
    grant.session = run.session;
    grant.call = call.call;
    grant.approval = approval.approval;
    grant.tool = "web_fetch";
    grant.kind = "host";
    grant.pattern = "docs.example.com";
    grant.lifetime = "session";
    grant.created_by = "user:1000";
    SecretRow secret;
    secret.name = "claude";
    secret.version = 1;
    secret.value = "sealed";
    secret.updated_by = "user:0";
    SubjectRow subject;
    subject.subject = "session:demo";
    subject.epoch = 1;
    subject.updated_by = "user:0";
    write.rows.emplace_back(subject);
    write.rows.insert(
        write.rows.end(),
        {Row(call), Row(approval), Row(output), Row(token), Row(grant), Row(secret)});
    IdempotencyReceipt receipt;
    receipt.scope = "user:1000 SubmitInput";
    receipt.key_digest = codec::sha256("key");
    receipt.run = run.run;
    receipt.result = "{\"run_id\":\"run-1\"}";
    write.receipt = receipt;
    return write;
}

Status make(const std::string& path) {
    FakeClock clock;
    CountingEntropy entropy;
    KHEISH_TRY(
        const std::unique_ptr<SqliteJournal> journal,
        SqliteJournal::open(path, {}, clock, entropy));
    const Answer session;
    const Answer run;
    Write made = session_write("demo");
    made.blobs.emplace_back("[]");
    SessionRow& row = std::get<SessionRow>(made.rows[0]);
    row.permission_rules = codec::blob_ref("[]");
    row.capability_scope = R"({"mcp_server_allow":[]})";
    journal->submit(std::move(made), session.responder());
    journal->submit(rows(), run.responder());
    KHEISH_CHECK(journal->commit());
    KHEISH_CHECK(*session);
    KHEISH_CHECK(*run);
    return {};
}

} // namespace
} // namespace kheish::journal

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: make-golden-journal PATH\n";
        return 2;
    }
    const kheish::Status made = kheish::journal::make(argv[1]);
    if (!made)
        std::cerr << made.error().to_string() << "\n";
    return made ? 0 : 1;
}
