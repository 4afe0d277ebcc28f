#include "control_fixture.hpp"
#include "govern/action.hpp"
#include "support.hpp"

#include <functional>
#include <random>

/// Whatever field of an action differs between what was approved and what would happen, nothing
/// happens; and an approval is used once.
namespace kheish::control {
namespace {

using govern::Action;

/// Another value for one field.
struct Mutation {
    const char* field;
    std::function<void(Action&)> apply;
};

/// One for every field there is: with one more the binding no longer compiles.
std::vector<Mutation> mutations(std::mt19937& random) {
    const auto other = std::to_string(random());
    [[maybe_unused]] const auto& [run, call, tool, input, directory, profile] = Action{};
    return {
        {"run",
         [](Action& action) {
             ++action.run.number;
         }},
        {"call",
         [](Action& action) {
             action.call.value = "call-1-1";
         }},
        {"tool",
         [](Action& action) {
             action.tool = "write_file";
         }},
        {"input",
         [other](Action& action) {
             action.input = R"({"command":"make )" + other + "\"}";
         }},
        {"working directory",
         [other](Action& action) {
             action.working_directory += other;
         }},
        {"sandbox profile",
         [other](Action& action) {
             action.sandbox_profile += other;
         }},
    };
}

class GateMutation : public ControlFixture {
  protected:
    /// A run whose one call waits for permission, and the action that it waits with.
    void open_gate(const std::string& command) {
        make_session("demo");
        run_ = submit("demo", "build");
        launched(run_);
        const std::string input =
            codec::canonical_json(codec::Json::object({{"command", command}}));
        routes_->fake.answer_calls({{"toolu_1", "bash", input}});
        settle();
        approval_ = only_approval(run_);
        action_ = {
            .run = run_,
            .call = CallId{"call-1-0"},
            .tool = "bash",
            .input = input,
            .working_directory = journal_->session(SessionId{"demo"})->workspace,
            .sandbox_profile = settings_.sandbox_profile};
        ASSERT_EQ(gate_digest(), govern::action_digest(action_)) << "not all that is sealed";
    }
    codec::Digest gate_digest() const { return journal_->approval(ApprovalId{approval_})->digest; }
    Result<codec::Json> allow(const codec::Digest& digest) {
        return wait_for<codec::Json>([this, &digest](Responder<codec::Json> responder) {
            Resolution resolution;
            resolution.approval = ApprovalId{approval_};
            resolution.behavior = Resolution::Behavior::allow;
            resolution.digest = digest;
            plane_->resolve_approvals(
                Caller::user(kAlice), run_, {.resolutions = {resolution}}, std::move(responder));
        });
    }
    /// Approved while no runner is there, so that the call has yet to start.
    void allow_without_runner() {
        crash();
        boot();
        const Result<codec::Json> allowed = allow(gate_digest());
        ASSERT_TRUE(allowed.has_value()) << allowed.error().to_string();
        ASSERT_TRUE(host_->executions.empty());
    }
    void find_runner() {
        host_->observer->on_adopted(run_, 1, {});
        settle();
    }
    /// Behind kheishd's back, as somebody would who can write its files.
    void rewrite_events(const std::string& from, const std::string& to, const std::string& types) {
        journal::raw_sql(
            directory_ + "/journal.db",
            "DROP TRIGGER events_are_never_changed; UPDATE events SET body = "
            "CAST(replace(CAST(body AS TEXT), '" +
                from + "', '" + to + "') AS BLOB) WHERE type LIKE '" + types + "'");
    }
    void expect_withdrawn(const char* field) {
        EXPECT_TRUE(host_->executions.empty()) << field;
        const Result<journal::ToolCallRow> call = journal_->tool_call(run_, CallId{"call-1-0"});
        ASSERT_TRUE(call.has_value()) << field;
        EXPECT_EQ(call->outcome, "invalid") << field;
    }
    void start_anew() {
        TearDown();
        SetUp();
    }

    RunId run_;
    std::string approval_;
    Action action_;
    std::mt19937 random_{20260101};
};

constexpr int kRounds = 8;

TEST_F(GateMutation, ADecisionAboutAnotherActionIsRefusedAndTheGateStaysShut) {
    for (int round = 0; round < kRounds; ++round) {
        open_gate("make " + std::to_string(random_()));
        for (const Mutation& mutation : mutations(random_)) {
            Action other = action_;
            mutation.apply(other);
            const Result<codec::Json> answer = allow(govern::action_digest(other));
            ASSERT_FALSE(answer.has_value()) << mutation.field;
            EXPECT_EQ(answer.error().code, Errc::approval_digest_mismatch) << mutation.field;
            EXPECT_EQ(status(run_), "waiting_for_approval") << mutation.field;
        }
        EXPECT_TRUE(host_->executions.empty());
        ASSERT_TRUE(allow(govern::action_digest(action_)).has_value());
        ASSERT_EQ(host_->executions.size(), 1U);
        EXPECT_EQ(host_->executions[0].second.input, action_.input);
        start_anew();
    }
}

TEST_F(GateMutation, AnApprovalThatWasForAnotherActionReleasesNothing) {
    for (int round = 0; round < kRounds; ++round)
        for (const Mutation& mutation : mutations(random_)) {
            open_gate("make " + std::to_string(random_()));
            allow_without_runner();
            crash();
            Action other = action_;
            mutation.apply(other);
            rewrite_events(
                govern::action_digest(action_).to_hex(),
                govern::action_digest(other).to_hex(),
                "approval.%");
            boot();
            find_runner();
            expect_withdrawn(mutation.field);
            start_anew();
        }
}

TEST_F(GateMutation, AnActionThatWasChangedAfterItsApprovalDoesNotHappen) {
    const std::string other_input = R"({"command":"rm -rf /"})";
    const std::string input = R"({"command":"make all"})";
    const std::string other = codec::sha256(other_input).to_hex();
    const std::string shown = codec::sha256(input).to_hex();
    ASSERT_EQ(input.size(), other_input.size());
    struct Change {
        const char* field;
        std::string from;
        std::string to;
        std::string types;
    };
    for (const Change& change : std::vector<Change>{
             {"input", shown, other, "model.completed"},
             {"tool", R"("tool":"bash")", R"("tool":"write_file")", "model.completed"},
             {"working directory", "/home/user/project", "/home/user/secrets", "run.accepted"}}) {
        open_gate("make all");
        submit("demo", other_input); // so that there is such content
        allow_without_runner();
        crash();
        rewrite_events(change.from, change.to, change.types);
        boot();
        find_runner();
        expect_withdrawn(change.field);
        start_anew();
    }
    open_gate("make all");
    allow_without_runner();
    crash();
    settings_.sandbox_profile = "strict";
    boot();
    find_runner();
    expect_withdrawn("sandbox profile");
}

TEST_F(GateMutation, AnApprovalIsUsedOnce) {
    open_gate("make all");
    ASSERT_TRUE(allow(gate_digest()).has_value());
    ASSERT_EQ(host_->executions.size(), 1U);
    for (int again = 0; again < 2; ++again) {
        const Result<codec::Json> replayed = allow(govern::action_digest(action_));
        ASSERT_FALSE(replayed.has_value());
        EXPECT_EQ(replayed.error().code, Errc::approval_request_not_pending);
        EXPECT_LE(host_->executions.size(), 1U);
        crash();
        boot();
    }
    find_runner(); // which has never heard of the call
    ASSERT_EQ(host_->executions.size(), 1U) << "the same call, not another one";
    finish_call(run_, "call-1-0", "made");
    // The same call again, word for word, is another one.
    routes_->fake.answer_calls({{"toolu_2", "bash", action_.input}});
    settle();
    EXPECT_EQ(status(run_), "waiting_for_approval");
    EXPECT_NE(only_approval(run_), approval_);
    EXPECT_FALSE(allow(govern::action_digest(action_)).has_value());
    EXPECT_EQ(host_->executions.size(), 1U);
}

} // namespace
} // namespace kheish::control
