#include "command.hpp"
#include "input.hpp"
#include "listing.hpp"
#include "output.hpp"
#include "questionnaire.hpp"
#include "run_view.hpp"
#include "session.hpp"
#include "waiting.hpp"

#include <iostream>
#include <unistd.h>

namespace kheish::ctl {

namespace {

using codec::Json;

/// As kheishd has it; beyond, there is no need to read on.
constexpr std::size_t kAnswersLimitBytes = std::size_t{1} << 20;

Result<int> list(Session& session, const Invocation& invocation) {
    Json options = Json::object();
    set_given(options, invocation, "--session-id", "session_id");
    KHEISH_TRY(
        const Json view,
        session.call_json(
            {.path = manager_path(),
             .interface = kManager,
             .member = "ListQuestions",
             .options = options}));
    return show_list(session, view, {"QUESTION", "SESSION", "RUN", "ASKS"}, [](const Json& item) {
        const Json request = object_at(item, "request");
        const std::vector<Json> questions = object_at(request, "questions").items();
        return std::vector<std::string>{
            text_at(request, "id"),
            text_at(item, "session_id"),
            text_at(item, "run_id"),
            questions.empty() ? "" : text_at(questions.front(), "question")};
    });
}

Result<Call>
question_call(const Invocation& invocation, const char* member, std::optional<Json> options = {}) {
    KHEISH_TRY(std::string path, question_path(invocation.required("QUESTION")));
    return Call{
        .path = std::move(path),
        .interface = kQuestion,
        .member = member,
        .options = std::move(options)};
}

Result<Json> describe(Session& session, const Invocation& invocation) {
    KHEISH_TRY(const Call call, question_call(invocation, "Describe"));
    return session.call_json(call);
}

Result<int> show(Session& session, const Invocation& invocation) {
    KHEISH_TRY(const Json view, describe(session, invocation));
    return session.show(
        view,
        question_text(object_at(view, "request")) + "  state       " +
            shown(text_at(view, "state")) + "\n");
}

std::optional<std::string> read_line() {
    std::string line;
    if (!std::getline(std::cin, line))
        return std::nullopt;
    return line;
}

/// --answers-json, --answers-file or a person at the terminal: the answers as options of Answer.
Result<Json> answers_of(Session& session, const Invocation& invocation) {
    KHEISH_TRY(
        const std::optional<std::string> given,
        text_or_file(invocation, "--answers-json", "--answers-file", kAnswersLimitBytes));
    const bool declined = invocation.flag("--declined");
    const bool interactive = invocation.flag("--interactive");
    if ((given ? 1 : 0) + (declined ? 1 : 0) + (interactive ? 1 : 0) > 1)
        return fail(
            Errc::bad_request,
            "the answers come from --answers-json, --answers-file or --interactive, or are "
            "--declined: one of them");
    Json options = Json::object();
    if (given)
        return options.set("answers_json", *given);
    if (declined)
        return options.set("declined", true);
    if (!interactive && !is_terminal(STDIN_FILENO))
        return fail(
            Errc::bad_request,
            "say what the answers are: --answers-json, --answers-file, --interactive or "
            "--declined");
    KHEISH_TRY(const Json view, describe(session, invocation));
    Questionnaire questionnaire(read_line, [](const std::string& text) { print_message(text); });
    KHEISH_TRY(Json answers, questionnaire.answers(object_at(view, "request")));
    return options.set("answers", std::move(answers));
}

Result<int> answer(Session& session, const Invocation& invocation) {
    KHEISH_TRY(Json options, answers_of(session, invocation));
    set_given(options, invocation, "--justification", "justification");
    set_given(options, invocation, "--idempotency-key", "idempotency_key");
    KHEISH_TRY(const Call call, question_call(invocation, "Answer", std::move(options)));
    KHEISH_TRY(const Json run, session.call_json(call));
    if (invocation.flag("--wait"))
        return wait_and_show(session, text_at(run, "run_id"), false);
    return session.show(run, run_text(run));
}

Result<int> cancel(Session& session, const Invocation& invocation) {
    Json options = Json::object();
    set_given(options, invocation, "--justification", "justification");
    set_given(options, invocation, "--idempotency-key", "idempotency_key");
    KHEISH_TRY(const Call call, question_call(invocation, "Cancel", std::move(options)));
    KHEISH_TRY(const Json run, session.call_json(call));
    return session.show(run, run_text(run));
}

const Positional kQuestionArgument{"QUESTION", "The question's id"};
const Option kKeyOption{"--idempotency-key", "KEY", "The same key answers once"};

} // namespace

std::vector<Command> question_commands() {
    return {
        {"questions list",
         "List questions that wait for an answer",
         {},
         {{"--session-id", "SESSION", "Only of this session"}},
         list},
        {"questions show", "Show what a run asks, and its options", {kQuestionArgument}, {}, show},
        {"questions answer",
         "Answer all of it, or decline",
         {kQuestionArgument},
         {{"--answers-json", "JSON", "The answers, see kheishctl(1)"},
          {"--answers-file", "FILE", "The same from a file, - for standard input"},
          {"--interactive", "", "Ask me; the default on a terminal"},
          {"--declined", "", "Nobody answers; the model is told so"},
          {"--justification", "TEXT", "Kept with it; told to the model if declined"},
          kKeyOption,
          {"--wait", "", "Wait for the run and show how it ended"}},
         answer},
        {"questions cancel",
         "Cancel the run that asks, as long as it waits",
         {kQuestionArgument},
         {{"--justification", "TEXT", "Kept with the run"}, kKeyOption},
         cancel},
    };
}

} // namespace kheish::ctl
