#include "questionnaire.hpp"

#include "base/text.hpp"
#include "output.hpp"

#include <set>
#include <sstream>
#include <vector>

namespace kheish::ctl {

namespace {

using codec::Json;

std::string question_lines(const Json& question, const std::vector<Json>& options) {
    const std::string header = text_at(question, "header");
    std::string text = "\n" + (header.empty() ? "" : shown(header) + ": ") +
                       shown(text_at(question, "question")) + "\n";
    std::size_t number = 0;
    for (const Json& option : options) {
        const std::string description = text_at(option, "description");
        text += "  " + std::to_string(++number) + ") " + shown(text_at(option, "label")) +
                (description.empty() ? "" : " - " + shown(description)) + "\n";
    }
    return text;
}

bool is_multi_select(const Json& question) {
    const std::optional<Json> member = question.find("multi_select");
    return member && member->is_boolean() && member->boolean();
}

std::string prompt_of(const Json& question, bool has_options) {
    if (!has_options)
        return "Answer: ";
    return is_multi_select(question) ? "Numbers, or an answer in words: "
                                     : "Number, or an answer in words: ";
}

/// The ids of the options that `line` names by number ("2", "1 3", "1,3"); nothing where it holds
/// anything else.
std::optional<std::set<std::string>>
chosen(const std::string& line, const std::vector<Json>& options) {
    std::string spaced = line;
    for (char& c : spaced)
        c = c == ',' ? ' ' : c;
    std::istringstream words(spaced);
    std::set<std::string> ids;
    for (std::string word; words >> word;) {
        const std::optional<std::size_t> number = parse_number<std::size_t>(word);
        if (!number || *number < 1 || *number > options.size())
            return std::nullopt;
        ids.insert(text_at(options[*number - 1], "id"));
    }
    return ids;
}

} // namespace

Result<Json> Questionnaire::answer(const Json& question) {
    const std::vector<Json> options = object_at(question, "options").items();
    say_(question_lines(question, options));
    for (;;) {
        say_(prompt_of(question, !options.empty()));
        const std::optional<std::string> line = read_();
        if (!line)
            return fail(Errc::cancelled, "the answers are not complete: nothing was sent");
        if (line->find_first_not_of(" \t") == std::string::npos)
            continue;
        Json given = Json::object({{"question_id", text_at(question, "id")}});
        const std::optional<std::set<std::string>> ids = chosen(*line, options);
        if (!ids || options.empty())
            return given.set("freeform_answer", *line);
        if (ids->size() > 1 && !is_multi_select(question)) {
            say_("One of them, please.\n");
            continue;
        }
        Json selected = Json::array();
        for (const std::string& id : *ids)
            selected.append(id);
        return given.set("selected_option_ids", selected);
    }
}

Result<Json> Questionnaire::answers(const Json& request) {
    Json list = Json::array();
    for (const Json& question : object_at(request, "questions").items()) {
        KHEISH_TRY(Json given, answer(question));
        list.append(std::move(given));
    }
    return list;
}

} // namespace kheish::ctl
