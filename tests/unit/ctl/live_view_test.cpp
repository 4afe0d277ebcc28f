#include "live_view.hpp"
#include "run_view.hpp"

#include <gtest/gtest.h>

namespace kheish::ctl {
namespace {

using codec::Json;

Json json(const char* text) {
    return codec::parse_json(text).value();
}

StreamFrame trace(const char* kind) {
    return {
        .id = 1,
        .event = "trace",
        .data =
            Json::object({{"trace", Json::object({{"run_id", "run-7"}, {"kind", json(kind)}})}})};
}

StreamFrame updated(const char* run) {
    return {.id = 2, .event = "run_updated", .data = Json::object({{"run", json(run)}})};
}

TEST(LiveView, NamesToolsWithTheirScope) {
    LiveView view(false);
    EXPECT_EQ(
        view.text_of(
            trace(R"({"type":"model_attempt_finished","turn":1,"usage":{"input":12,"output":3},)"
                  R"("calls":[{"call":"call-1-1","tool":"bash"}],"text_preview":"I look"})")),
        "model   turn 1 answers, 12 tokens in, 3 out: I look\n");
    EXPECT_EQ(
        view.text_of(trace(R"({"type":"tool_started","call_id":"call-1-1","scope_attempt":2})")),
        "tool    bash in kheish-run-7-2.scope\n");
    EXPECT_EQ(
        view.text_of(trace(
            R"({"type":"tool_finished","call_id":"call-1-1","outcome":"ok","duration_us":2000,)"
            R"("text_preview":"\u001b[2J"})")),
        "tool    bash ok after 2 ms: \\u{1b}[2J\n");
    EXPECT_EQ(view.text_of(trace(R"({"type":"something_new"})")), "");
}

TEST(LiveView, ShowsAStateOnceAndAnApprovalWhole) {
    LiveView view(false);
    const char* const waiting =
        R"({"run_id":"run-7","status":"waiting_for_approval","pending_approvals":[)"
        R"({"id":"approval-7-1","tool_name":"bash","session_id":"demo","summary":"rm -rf x",)"
        R"("digest":"abc"}]})";
    const std::string text = view.text_of(updated(waiting));
    EXPECT_NE(text.find("run     run-7 waiting_for_approval\n"), std::string::npos);
    EXPECT_NE(text.find("rm -rf x"), std::string::npos);
    EXPECT_NE(text.find("kheishctl approvals allow approval-7-1"), std::string::npos);
    EXPECT_EQ(view.text_of(updated(waiting)), "");
    const std::string ended = view.text_of(
        updated(R"({"run_id":"run-7","status":"failed","error":"no route",)"
                R"("accounting":{"cpu_usage_us":2000,"input_tokens":5,"output_tokens":6}})"));
    EXPECT_EQ(
        ended, "run     run-7 failed\nerror   no route\nused    2 ms CPU, 5 tokens in, 6 out\n");
}

TEST(LiveView, StreamedTextLeavesNoHalfLine) {
    LiveView view(true);
    StreamFrame delta{
        .id = 0, .event = "text_delta", .data = Json::object({{"text", "Hel\x07lo"}})};
    EXPECT_EQ(view.text_of(delta), "Hel\\u{7}lo");
    EXPECT_EQ(
        view.text_of(trace(R"({"type":"run_launched","unit":"kheish-run-7-1.scope"})")),
        "\nrun-7  scope   kheish-run-7-1.scope\n");
    EXPECT_EQ(view.finish(), "");
}

TEST(RunView, TheExitCodeIsTheOutcome) {
    EXPECT_EQ(exit_code_of(json(R"({"status":"completed"})")), 0);
    EXPECT_EQ(exit_code_of(json(R"({"status":"failed"})")), 1);
    EXPECT_EQ(exit_code_of(json(R"({"status":"cancelled"})")), 6);
    EXPECT_EQ(exit_code_of(json(R"({"status":"interrupted"})")), 6);
    EXPECT_FALSE(is_terminal_status("waiting_for_approval"));
}

TEST(RunView, AccountingLeavesOutWhatIsNotKnown) {
    EXPECT_EQ(
        accounting_text(json(
            R"({"accounting":{"wall_us":4200000,"cpu_usage_us":310000,"memory_peak_bytes":4096,)"
            R"("tasks_peak":3,"turns":2,"input_tokens":1,"output_tokens":2}})")),
        "4.2 s wall time, 310 ms CPU, 4.0 KiB memory peak, 3 tasks peak, 2 turns, "
        "1 tokens in, 2 out");
    EXPECT_EQ(accounting_text(json("{}")), "0 tokens in, 0 out");
}

} // namespace
} // namespace kheish::ctl
