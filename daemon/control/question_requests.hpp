#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "codec/json.hpp"
#include "tools/question.hpp"

#include <optional>
#include <string>
#include <vector>

/// What callers say to a question, parsed once for both edges (requests.hpp).
namespace kheish::control {

inline constexpr std::size_t kFreeformAnswerLimitBytes = std::size_t{64} << 10;

struct Answer {
    std::string question;
    std::vector<std::string> options; ///< ids of those selected
    std::string freeform;             ///< empty: none
};

struct ResolveQuestion {
    QuestionId question;
    std::vector<Answer> answers; ///< one to each question, or none and declined
    bool declined = false;
    std::string justification;
    std::optional<std::string> idempotency_key;
};

/// Members: resolution {request_id, answers [{question_id, selected_option_ids, freeform_answer}],
/// declined, justification}, idempotency_key.
Result<ResolveQuestion>
parse_resolve_question(const codec::Json& body, std::optional<std::string> idempotency_header = {});
/// Members: answers, declined, justification, idempotency_key; for Question.Answer.
Result<ResolveQuestion> parse_answer_one(const QuestionId& question, const codec::Json& options);

struct CancelQuestion {
    QuestionId question;
    std::string justification;
    std::optional<std::string> idempotency_key;
};
/// Members: justification, idempotency_key.
Result<CancelQuestion> parse_cancel_question(
    const QuestionId& question,
    const codec::Json& body,
    std::optional<std::string> idempotency_header = {});

/// What the model is told of `resolution`: the answers as JSON, or that they were declined. What
/// does not answer all of `asked` exactly once is an error: Errc::question_declined_with_answers,
/// question_unknown_answer, question_duplicate_answer, question_duplicate_option,
/// question_option_not_found, question_single_select_violation, question_answer_empty,
/// question_answer_missing.
Result<std::string>
answer_text(const tools::AskUserQuestionInput& asked, const ResolveQuestion& resolution);

/// Everything of a resolution, for its fingerprint.
codec::Json fingerprint(const ResolveQuestion& resolution);

} // namespace kheish::control
