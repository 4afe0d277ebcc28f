#include "control_fixture.hpp"

/// What a model is shown of a conversation that has grown too long.
namespace kheish::control {
namespace {

class ContextTest : public ControlFixture {
  protected:
    RunId run_;

    void begin() {
        settings_.context_limit_bytes = 1000;
        settings_.permission_mode = govern::Mode::bypass_permissions;
        crash();
        boot();
        make_session("a");
        run_ = submit("a", "Tidy up");
        launched(run_);
    }

    void turn(int number, const std::string& tool, const std::string& input) {
        routes_->fake.answer_calls({{"toolu_" + std::to_string(number), tool, input}});
        settle();
        finish_call(run_, "call-" + std::to_string(number) + "-0", "said " + std::string(300, 'x'));
    }

    std::vector<std::string> first_message() const {
        std::vector<std::string> texts;
        for (const models::Part& part : routes_->fake.current()->request.messages.front().parts)
            texts.push_back(std::get<models::Text>(part).text);
        return texts;
    }
};

TEST_F(ContextTest, TheInputStaysAndANoteStandsForWhatIsLeftOut) {
    begin();
    turn(1, "bash", R"({"command":"rm old"})");
    EXPECT_EQ(first_message(), (std::vector<std::string>{"Tidy up"}));
    turn(2, "read_file", R"({"path":"new"})");
    turn(3, "bash", R"({"command":"git push"})");
    const std::vector<std::string> said = first_message();
    ASSERT_EQ(said.size(), 2U);
    EXPECT_EQ(said[0], "Tidy up");
    EXPECT_NE(said[1].find("Turns 1 to 2"), std::string::npos) << said[1];
    EXPECT_NE(said[1].find("- bash {\"command\":\"rm old\"}\n"), std::string::npos) << said[1];
    EXPECT_EQ(said[1].find("read_file"), std::string::npos) << said[1];
    const models::Request& request = routes_->fake.current()->request;
    ASSERT_EQ(request.messages.size(), 3U);
    EXPECT_EQ(std::get<models::ToolCall>(request.messages[1].parts[0]).id, "toolu_3");
    EXPECT_EQ(std::get<models::ToolResult>(request.messages[2].parts[0]).call_id, "toolu_3");
}

TEST_F(ContextTest, ARestartAsksForTheSame) {
    begin();
    for (int number = 1; number <= 3; ++number)
        turn(number, "bash", R"({"command":"rm old"})");
    const std::vector<std::string> said = first_message();
    crash();
    boot();
    settle();
    EXPECT_EQ(first_message(), said);
    expect_rows_follow_events(run_);
}

TEST_F(ContextTest, AnOverflowIsAnsweredByAShorterPrompt) {
    begin();
    turn(1, "bash", R"({"command":"rm old"})");
    turn(2, "bash", R"({"command":"rm older"})");
    routes_->fake.fail(models::CallError::Kind::context_overflow);
    settle();
    EXPECT_EQ(status(run_), "running");
    EXPECT_EQ(first_message().size(), 2U);
    routes_->fake.answer("tidy");
    settle();
    EXPECT_EQ(status(run_), "completed");
}

} // namespace
} // namespace kheish::control
