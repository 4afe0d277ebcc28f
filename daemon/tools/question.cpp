#include "tools/question.hpp"

#include "codec/object_reader.hpp"
#include "tools/limits.hpp"

#include <algorithm>

namespace kheish::tools {
namespace {

using codec::Json;
using codec::ObjectReader;

std::string required_text(ObjectReader& reader, std::string_view key, std::size_t limit_bytes) {
    std::string text = reader.required_string(key, limit_bytes);
    if (reader.ok() && text.empty())
        reader.reject(key, "must not be empty");
    return text;
}

Result<QuestionOption> read_option(const Json& item, const std::string& where) {
    ObjectReader reader(item, where);
    QuestionOption option;
    option.id = required_text(reader, "id", kQuestionLabelBytes);
    option.label = required_text(reader, "label", kQuestionLabelBytes);
    option.description =
        reader.optional_string("description", kQuestionDescriptionBytes).value_or("");
    KHEISH_CHECK(reader.finish());
    return option;
}

Status read_options(ObjectReader& reader, const std::string& where, UserQuestion& question) {
    const std::vector<Json> items = reader.optional_array("options", kQuestionOptions);
    for (std::size_t i = 0; i < items.size(); ++i) {
        KHEISH_TRY(
            QuestionOption option,
            read_option(items[i], where + ".options[" + std::to_string(i) + "]"));
        if (question.find_option(option.id) != nullptr)
            reader.reject("options", "has the id \"" + option.id + "\" twice");
        question.options.push_back(std::move(option));
    }
    return {};
}

Result<UserQuestion> read_question(const Json& item, const std::string& where) {
    ObjectReader reader(item, where);
    UserQuestion question;
    question.id = required_text(reader, "id", kQuestionLabelBytes);
    question.header = reader.optional_string("header", kQuestionLabelBytes).value_or("");
    question.question = required_text(reader, "question", kQuestionBytes);
    KHEISH_CHECK(read_options(reader, where, question));
    question.multi_select = reader.optional_boolean("multi_select").value_or(false);
    if (question.multi_select && question.options.empty())
        reader.reject("multi_select", "needs options to select from");
    KHEISH_CHECK(reader.finish());
    return question;
}

/// The items of the array `key` of `object` with an id each: `prefix` and their place.
Json with_ids(const Json& object, std::string_view key, const std::string& prefix) {
    const std::optional<Json> items = object.find(key);
    if (!items || !items->is_array())
        return object;
    Json named = Json::array();
    std::size_t place = 0;
    for (Json item : items->items()) {
        ++place;
        if (item.is_object() && !item.find("id"))
            item.set("id", prefix + std::to_string(place));
        named.append(std::move(item));
    }
    Json copy = object;
    return copy.set(key, std::move(named));
}

} // namespace

const QuestionOption* UserQuestion::find_option(std::string_view option) const {
    const auto found = std::find_if(
        options.begin(), options.end(), [option](const auto& one) { return one.id == option; });
    return found == options.end() ? nullptr : &*found;
}

const UserQuestion* AskUserQuestionInput::find(std::string_view question) const {
    const auto found =
        std::find_if(questions.begin(), questions.end(), [question](const auto& one) {
            return one.id == question;
        });
    return found == questions.end() ? nullptr : &*found;
}

Result<AskUserQuestionInput> AskUserQuestionInput::parse(const Json& input) {
    ObjectReader reader(input, "ask_user_question");
    AskUserQuestionInput parsed;
    const std::vector<Json> items = reader.optional_array("questions", kQuestions);
    if (reader.ok() && items.empty())
        reader.reject("questions", "must hold 1 to " + std::to_string(kQuestions) + " questions");
    for (std::size_t i = 0; i < items.size(); ++i) {
        KHEISH_TRY(
            UserQuestion question,
            read_question(items[i], "ask_user_question.questions[" + std::to_string(i) + "]"));
        if (parsed.find(question.id) != nullptr)
            reader.reject("questions", "has the id \"" + question.id + "\" twice");
        parsed.questions.push_back(std::move(question));
    }
    parsed.expires_at_ms = reader.optional_integer("expires_at_ms", 0);
    parsed.expires_after_ms = reader.optional_integer("expires_after_ms", 1, kQuestionExpiryMs);
    KHEISH_CHECK(reader.finish());
    return parsed;
}

Json with_question_ids(Json input) {
    if (!input.is_object())
        return input;
    input = with_ids(input, "questions", "q");
    const std::optional<Json> questions = input.find("questions");
    if (!questions || !questions->is_array())
        return input;
    Json named = Json::array();
    for (const Json& question : questions->items())
        named.append(question.is_object() ? with_ids(question, "options", "o") : question);
    return input.set("questions", std::move(named));
}

} // namespace kheish::tools
