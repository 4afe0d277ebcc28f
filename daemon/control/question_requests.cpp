#include "control/question_requests.hpp"

#include "codec/object_reader.hpp"
#include "control/idempotency.hpp"
#include "control/requests.hpp"
#include "tools/limits.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace kheish::control {

namespace {

using codec::Json;
using codec::ObjectReader;

Result<Answer> read_answer(const Json& item, const std::string& where) {
    ObjectReader reader(item, where);
    Answer answer;
    answer.question = reader.required_string("question_id", kLabelLimitBytes);
    answer.options = reader.optional_strings("selected_option_ids", tools::kQuestionOptions);
    answer.freeform =
        reader.optional_string("freeform_answer", kFreeformAnswerLimitBytes).value_or("");
    KHEISH_CHECK(reader.finish());
    return answer;
}

Status read_answers(ObjectReader& reader, const std::string& where, ResolveQuestion& resolution) {
    // One more than there can be, so that an answer too many is told apart by its question.
    constexpr std::size_t kAnswers = 2 * tools::kQuestions;
    const std::vector<Json> items = reader.optional_array("answers", kAnswers);
    for (std::size_t i = 0; i < items.size(); ++i) {
        KHEISH_TRY(
            Answer answer, read_answer(items[i], where + ".answers[" + std::to_string(i) + "]"));
        resolution.answers.push_back(std::move(answer));
    }
    resolution.declined = reader.optional_boolean("declined").value_or(false);
    resolution.justification =
        reader.optional_string("justification", kReasonLimitBytes).value_or("");
    return {};
}

Status check_options(const tools::UserQuestion& asked, const Answer& answer) {
    std::set<std::string> seen;
    for (const std::string& option : answer.options) {
        if (!seen.insert(option).second)
            return fail(
                Errc::question_duplicate_option,
                "the answer to " + asked.id + " selects " + option + " twice");
        if (asked.find_option(option) == nullptr)
            return fail(
                Errc::question_option_not_found, asked.id + " has no option \"" + option + "\"");
    }
    if (answer.options.size() > 1 && !asked.multi_select)
        return fail(
            Errc::question_single_select_violation, asked.id + " takes one option, not several");
    if (answer.options.empty() && answer.freeform.find_first_not_of(" \t\r\n") == std::string::npos)
        return fail(
            Errc::question_answer_empty,
            "the answer to " + asked.id + " selects nothing and says nothing");
    return {};
}

Status check_answers(const tools::AskUserQuestionInput& asked, const std::vector<Answer>& answers) {
    std::set<std::string> seen;
    for (const Answer& answer : answers) {
        const tools::UserQuestion* question = asked.find(answer.question);
        if (question == nullptr)
            return fail(
                Errc::question_unknown_answer, "nobody has asked \"" + answer.question + "\"");
        if (!seen.insert(answer.question).second)
            return fail(Errc::question_duplicate_answer, answer.question + " is answered twice");
        KHEISH_CHECK(check_options(*question, answer));
    }
    for (const tools::UserQuestion& question : asked.questions)
        if (!seen.contains(question.id))
            return fail(
                Errc::question_answer_missing,
                question.id + " has no answer: all are answered at once, or declined");
    return {};
}

Json told(const tools::UserQuestion& question, const Answer& answer) {
    Json labels = Json::array();
    for (const std::string& option : answer.options)
        labels.append(question.find_option(option)->label);
    Json view = Json::object({{"question", question.question}, {"selected", labels}});
    view.set("question_id", question.id);
    if (!answer.freeform.empty())
        view.set("answer", answer.freeform);
    return view;
}

} // namespace

Result<ResolveQuestion>
parse_resolve_question(const Json& body, std::optional<std::string> header) {
    ObjectReader reader(body, "body");
    const Json resolution = reader.required_object("resolution");
    std::optional<std::string> key = reader.optional_string("idempotency_key");
    KHEISH_CHECK(reader.finish());
    ObjectReader inner(resolution, "body.resolution");
    ResolveQuestion request;
    request.question.value = inner.required_string("request_id", kLabelLimitBytes);
    KHEISH_CHECK(read_answers(inner, "body.resolution", request));
    KHEISH_CHECK(inner.finish());
    KHEISH_TRY(request.idempotency_key, read_idempotency_key(std::move(key), std::move(header)));
    return request;
}

Result<ResolveQuestion> parse_answer_one(const QuestionId& question, const Json& options) {
    ObjectReader reader(options, "options");
    ResolveQuestion request;
    request.question = question;
    KHEISH_CHECK(read_answers(reader, "options", request));
    std::optional<std::string> key = reader.optional_string("idempotency_key");
    KHEISH_CHECK(reader.finish());
    KHEISH_TRY(request.idempotency_key, read_idempotency_key(std::move(key), {}));
    return request;
}

Result<CancelQuestion> parse_cancel_question(
    const QuestionId& question, const Json& body, std::optional<std::string> header) {
    ObjectReader reader(body, "body");
    CancelQuestion request;
    request.question = question;
    request.justification = reader.optional_string("justification", kReasonLimitBytes).value_or("");
    std::optional<std::string> key = reader.optional_string("idempotency_key");
    KHEISH_CHECK(reader.finish());
    KHEISH_TRY(request.idempotency_key, read_idempotency_key(std::move(key), std::move(header)));
    return request;
}

Result<std::string>
answer_text(const tools::AskUserQuestionInput& asked, const ResolveQuestion& resolution) {
    if (resolution.declined) {
        if (!resolution.answers.empty())
            return fail(
                Errc::question_declined_with_answers, "what is declined comes without answers");
        return "The user declined to answer" +
               (resolution.justification.empty() ? "." : ": " + resolution.justification);
    }
    KHEISH_CHECK(check_answers(asked, resolution.answers));
    Json answers = Json::array();
    for (const tools::UserQuestion& question : asked.questions)
        for (const Answer& answer : resolution.answers)
            if (answer.question == question.id)
                answers.append(told(question, answer));
    return codec::canonical_json(Json::object({{"answers", answers}}));
}

Json fingerprint(const ResolveQuestion& resolution) {
    Json answers = Json::array();
    for (const Answer& answer : resolution.answers) {
        Json options = Json::array();
        for (const std::string& option : answer.options)
            options.append(option);
        answers.append(Json::array({answer.question, options, answer.freeform}));
    }
    return Json::array(
        {resolution.question.value, answers, resolution.declined, resolution.justification});
}

} // namespace kheish::control
