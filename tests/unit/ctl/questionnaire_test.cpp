#include "questionnaire.hpp"

#include <gtest/gtest.h>

#include <deque>

namespace kheish::ctl {
namespace {

using codec::Json;

class QuestionnaireTest : public testing::Test {
  protected:
    Result<Json> ask(const char* questions, std::deque<std::string> lines) {
        Questionnaire questionnaire(
            [lines = std::move(lines)]() mutable -> std::optional<std::string> {
                if (lines.empty())
                    return std::nullopt;
                std::string line = lines.front();
                lines.pop_front();
                return line;
            },
            [this](const std::string& text) { said_ += text; });
        return questionnaire.answers(
            Json::object({{"questions", codec::parse_json(questions).value()}}));
    }
    std::string answered(const char* questions, std::deque<std::string> lines) {
        const Result<Json> answers = ask(questions, std::move(lines));
        return answers ? codec::canonical_json(*answers) : answers.error().message;
    }

    std::string said_;
};

constexpr const char* kColor =
    R"([{"id":"c","header":"Paint","question":"Which color?",
         "options":[{"id":"r","label":"Red"},{"id":"b","label":"Blue","description":"calm"}]}])";
constexpr const char* kSizes =
    R"([{"id":"s","question":"Which?","multi_select":true,
         "options":[{"id":"1","label":"S"},{"id":"2","label":"M"},{"id":"3","label":"L"}]}])";

TEST_F(QuestionnaireTest, TakesANumberOrWords) {
    EXPECT_EQ(answered(kColor, {"2"}), R"([{"question_id":"c","selected_option_ids":["b"]}])");
    EXPECT_NE(said_.find("Paint: Which color?"), std::string::npos);
    EXPECT_NE(said_.find("2) Blue - calm"), std::string::npos);
    EXPECT_EQ(
        answered(kColor, {"green, please"}),
        R"([{"freeform_answer":"green, please","question_id":"c"}])");
    EXPECT_EQ(answered(kColor, {"3"}), R"([{"freeform_answer":"3","question_id":"c"}])")
        << "no option has that number";
}

TEST_F(QuestionnaireTest, TakesOneWhereOneIsAskedFor) {
    EXPECT_EQ(
        answered(kColor, {"1 2", "", "1"}), R"([{"question_id":"c","selected_option_ids":["r"]}])");
    EXPECT_NE(said_.find("One of them"), std::string::npos);
}

TEST_F(QuestionnaireTest, TakesSeveralOnceEach) {
    EXPECT_EQ(
        answered(kSizes, {"3,1 3"}), R"([{"question_id":"s","selected_option_ids":["1","3"]}])");
}

TEST_F(QuestionnaireTest, TakesWordsWhereThereIsNothingToChoose) {
    EXPECT_EQ(
        answered(R"([{"id":"q","question":"How many?"}])", {"1"}),
        R"([{"freeform_answer":"1","question_id":"q"}])");
}

TEST_F(QuestionnaireTest, SendsNothingWhenTheInputEnds) {
    const Result<Json> answers = ask(kColor, {""});
    ASSERT_FALSE(answers.has_value());
    EXPECT_EQ(answers.error().code, Errc::cancelled);
}

TEST_F(QuestionnaireTest, ShowsNoControlCharacters) {
    (void)answered(R"([{"id":"q","question":"a\u001b[2Jb"}])", {"1"});
    EXPECT_EQ(said_.find('\x1b'), std::string::npos);
}

} // namespace
} // namespace kheish::ctl
