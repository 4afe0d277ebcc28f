#pragma once

#include "base/result.hpp"
#include "codec/json.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What ask_user_question puts to a person: one to four questions, answered all at once or
/// declined.
namespace kheish::tools {

struct QuestionOption {
    std::string id; ///< unique in its question
    std::string label;
    std::string description; ///< may be empty
};

struct UserQuestion {
    std::string id;     ///< unique in the call
    std::string header; ///< a word or two; may be empty
    std::string question;
    std::vector<QuestionOption> options; ///< none: a text is asked for
    bool multi_select = false;

    const QuestionOption* find_option(std::string_view option) const;
};

struct AskUserQuestionInput {
    std::vector<UserQuestion> questions;
    std::optional<std::int64_t> expires_at_ms;    ///< since 1970 by the wall clock
    std::optional<std::int64_t> expires_after_ms; ///< from when it is asked; the earlier one holds

    static Result<AskUserQuestionInput> parse(const codec::Json& input);
    const UserQuestion* find(std::string_view question) const;
};

/// Gives "q1", "q2", ... and "o1", "o2", ... to questions and options of `input` that have no id.
/// What is no such input stays as it is.
codec::Json with_question_ids(codec::Json input);

} // namespace kheish::tools
