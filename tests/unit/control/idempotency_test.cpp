#include "control_fixture.hpp"

/// The same key is the same request: for everything that changes something.
namespace kheish::control {
namespace {

class IdempotencyTest : public ControlFixture {
  protected:
    Result<CreatedSession> create(CreateSession request, uid_t uid = kAlice) {
        return wait_for<CreatedSession>(
            [this, uid, request = std::move(request)](Responder<CreatedSession> responder) {
                plane_->create_session(Caller::user(uid), request, std::move(responder));
            });
    }
    Result<codec::Json> interrupt(EndRequest request) {
        return wait_for<codec::Json>(
            [this, request = std::move(request)](Responder<codec::Json> responder) {
                plane_->interrupt_session(
                    Caller::user(kAlice), SessionId{"demo"}, request, std::move(responder));
            });
    }
    Result<codec::Json> end(EndRequest request) {
        return wait_for<codec::Json>(
            [this, request = std::move(request)](Responder<codec::Json> responder) {
                plane_->end_session(
                    Caller::user(kAlice), SessionId{"demo"}, request, std::move(responder));
            });
    }
    Result<codec::Json> cancel(RunId run, EndRequest request) {
        return wait_for<codec::Json>(
            [this, run, request = std::move(request)](Responder<codec::Json> responder) {
                plane_->cancel_run(Caller::user(kAlice), run, request, std::move(responder));
            });
    }
    template <class T>
    static void expect_conflict(const Result<T>& answer) {
        ASSERT_FALSE(answer.has_value());
        EXPECT_EQ(answer.error().code, Errc::idempotency_conflict) << answer.error().to_string();
    }
    static bool interrupted(const Result<codec::Json>& answer) {
        EXPECT_TRUE(answer.has_value()) << answer.error().to_string();
        return answer && answer->find("interrupted")->boolean();
    }
    void restart() {
        crash();
        boot();
    }
};

TEST_F(IdempotencyTest, ASessionThatIsAskedForTwiceIsMadeOnce) {
    const CreateSession request{.workspace = "/w", .idempotency_key = "key"};
    const Result<CreatedSession> first = create(request);
    ASSERT_TRUE(first.has_value()) << first.error().to_string();
    EXPECT_TRUE(first->created);
    restart();
    const Result<CreatedSession> again = create(request);
    ASSERT_TRUE(again.has_value()) << again.error().to_string();
    EXPECT_FALSE(again->created);
    EXPECT_EQ(again->session, first->session);
    CreateSession other = request;
    other.workspace = "/x";
    expect_conflict(create(other));
    other = request;
    other.session = SessionId{"named"};
    expect_conflict(create(other));
    other = request;
    other.thread_id = "thread";
    expect_conflict(create(other));
    EXPECT_NE(create(request, kBob)->session, first->session) << "somebody else's key is another";
}

TEST_F(IdempotencyTest, TwoAtOnceMakeOneSession) {
    const CreateSession request{.idempotency_key = "key"};
    std::vector<Result<CreatedSession>> answers;
    for (int i = 0; i < 2; ++i)
        plane_->create_session(
            Caller::user(kAlice),
            request,
            Responder<CreatedSession>(
                [&answers](Result<CreatedSession> made) { answers.push_back(std::move(made)); }));
    settle();
    ASSERT_EQ(answers.size(), 2U);
    ASSERT_TRUE(answers[0].has_value() && answers[1].has_value());
    EXPECT_EQ(answers[0]->session, answers[1]->session);
    EXPECT_NE(answers[0]->created, answers[1]->created);
}

TEST_F(IdempotencyTest, TheKeyOfASessionThatWasThereIsTakenToo) {
    make_session("demo");
    const CreateSession request{.session = SessionId{"demo"}, .idempotency_key = "key"};
    ASSERT_TRUE(create(request).has_value());
    CreateSession other = request;
    other.session = SessionId{"another"};
    expect_conflict(create(other));
}

TEST_F(IdempotencyTest, AnInterruptThatIsRepeatedSparesTheNextRun) {
    make_session("demo");
    const RunId first = submit("demo", "1");
    launched(first);
    EXPECT_TRUE(interrupted(interrupt({"stop", "key"})));
    EXPECT_EQ(status(first), "interrupted");
    const RunId second = submit("demo", "2");
    EXPECT_TRUE(interrupted(interrupt({"stop", "key"}))) << "the answer is that of then";
    restart();
    EXPECT_TRUE(interrupted(interrupt({"stop", "key"})));
    EXPECT_EQ(status(second), "running");
    expect_conflict(interrupt({"stop that", "key"}));
    EXPECT_TRUE(interrupted(interrupt({"stop", "other key"})));
    EXPECT_EQ(status(second), "interrupted");
}

TEST_F(IdempotencyTest, AnInterruptOfNothingIsRememberedAsThat) {
    make_session("demo");
    EXPECT_FALSE(interrupted(interrupt({"stop", "key"})));
    const RunId run = submit("demo", "1");
    EXPECT_FALSE(interrupted(interrupt({"stop", "key"})));
    EXPECT_EQ(status(run), "running");
}

TEST_F(IdempotencyTest, TwoInterruptsAtOnceAreBothAnswered) {
    make_session("demo");
    const RunId run = submit("demo", "1");
    launched(run);
    int answered = 0;
    for (int i = 0; i < 2; ++i)
        plane_->interrupt_session(
            Caller::user(kAlice),
            SessionId{"demo"},
            {"stop", "key"},
            Responder<codec::Json>([&answered](const Result<codec::Json>& answer) {
                EXPECT_TRUE(interrupted(answer));
                ++answered;
            }));
    settle();
    EXPECT_EQ(answered, 2);
    EXPECT_EQ(status(run), "interrupted");
}

TEST_F(IdempotencyTest, ACancelIsOneWhateverTheRunDoesMeanwhile) {
    make_session("demo");
    const RunId run = submit("demo", "1");
    const RunId other = submit("demo", "2");
    launched(run);
    ASSERT_TRUE(cancel(run, {"enough", "key"}).has_value());
    EXPECT_EQ(status(run), "cancelled");
    restart();
    EXPECT_TRUE(cancel(run, {"enough", "key"}).has_value());
    expect_conflict(cancel(run, {"too much", "key"}));
    expect_conflict(cancel(other, {"enough", "key"}));
    EXPECT_EQ(status(other), "running");
    expect_rows_follow_events(run);
}

TEST_F(IdempotencyTest, TheKeyOfACancelThatCameTooLateIsTakenToo) {
    make_session("demo");
    const RunId run = submit("demo", "1");
    launched(run);
    routes_->fake.answer("done");
    settle();
    ASSERT_TRUE(cancel(run, {"enough", "key"}).has_value()); // its scope is still there
    host_->observer->on_stopped(run, 1, {});
    settle();
    expect_conflict(cancel(run, {"too much", "key"}));
    ASSERT_TRUE(cancel(run, {"enough", "another key"}).has_value()); // nothing of it is left
    expect_conflict(cancel(run, {"too much", "another key"}));
    EXPECT_EQ(status(run), "completed");
}

TEST_F(IdempotencyTest, AnEndIsOne) {
    make_session("demo");
    const RunId run = submit("demo", "1");
    launched(run);
    ASSERT_TRUE(end({"done", "key"}).has_value());
    EXPECT_EQ(status(run), "interrupted");
    restart();
    EXPECT_TRUE(end({"done", "key"}).has_value());
    expect_conflict(end({"over", "key"}));
    EXPECT_TRUE(end({"over", "another key"}).has_value()) << "it has ended: nothing to do";
    expect_conflict(end({"done", "another key"}));
}

} // namespace
} // namespace kheish::control
