#pragma once

#include "codec/json.hpp"

#include <functional>
#include <optional>
#include <string>

namespace kheish::ctl {

/// Asks the person at the terminal what a run asks, one question after the other.
class Questionnaire {
  public:
    /// `read` gives the next line, nothing at the end of the input; `say` shows text.
    using ReadLine = std::function<std::optional<std::string>()>;
    using Say = std::function<void(const std::string&)>;
    Questionnaire(ReadLine read, Say say) : read_(std::move(read)), say_(std::move(say)) {}

    /// The answers to the questions of `request` (UserQuestionRequest), as Question.Answer takes
    /// them. Errc::cancelled where the input ends before all are answered.
    Result<codec::Json> answers(const codec::Json& request);

  private:
    Result<codec::Json> answer(const codec::Json& question);

    ReadLine read_;
    Say say_;
};

} // namespace kheish::ctl
