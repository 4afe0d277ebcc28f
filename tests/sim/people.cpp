#include "people.hpp"

namespace kheish::sim {

namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr uid_t kAlice = 1001;

const control::Caller& alice() {
    static const control::Caller caller = control::Caller::user(kAlice);
    return caller;
}

/// Answers that no later attempt can change.
bool is_final(const Error& error) {
    return error.code == Errc::session_ended || error.code == Errc::run_queue_full;
}

} // namespace

void People::reach(control::Service* service, const Life& life) {
    service_ = service;
    life_ = life;
}

void People::begin(int sessions, int submissions) {
    for (int i = 0; i < sessions; ++i) {
        sessions_.push_back("s" + std::to_string(i));
        sessions_wanted_[sessions_.back()] = "nobody answers";
        want_session(sessions_.back());
    }
    for (int i = 0; i < submissions; ++i) {
        const std::string key = "key-" + std::to_string(i);
        wanted_[key] = {random_.pick(sessions_), key};
        agenda_.in(random_.below(120 * kSecond), [this, key] { want_run(key); });
    }
    agenda_.in(later(), [this] { look_at_gates(); });
    agenda_.in(later(), [this] { meddle(); });
}

void People::want_session(const std::string& session) {
    if (!sessions_wanted_.contains(session))
        return;
    agenda_.in(later(), [this, session] { want_session(session); }); // unless answered by then
    if (service_ == nullptr)
        return;
    control::CreateSession request;
    request.session = SessionId{session};
    request.workspace = "/home/alice/project";
    service_->create_session(
        alice(),
        std::move(request),
        Responder<control::CreatedSession>([this, session, weak = std::weak_ptr<int>(life_)](
                                               const Result<control::CreatedSession>& result) {
            if (weak.expired())
                return;
            if (result || is_final(result.error())) // it was made, and has been ended since
                sessions_wanted_.erase(session);
            else if (sessions_wanted_.contains(session))
                sessions_wanted_[session] = result.error().to_string();
        }));
}

void People::want_run(const std::string& key) {
    const auto wish = wanted_.find(key);
    if (wish == wanted_.end())
        return;
    agenda_.in(later(), [this, key] { want_run(key); }); // unless answered by then
    if (service_ == nullptr)
        return;
    control::SubmitInput input;
    input.content = "Inspect this repo, " + key;
    input.idempotency_key = key;
    service_->submit(
        alice(),
        SessionId{wish->second.session},
        std::move(input),
        Responder<control::SubmittedRun>([this, key, weak = std::weak_ptr<int>(life_)](
                                             const Result<control::SubmittedRun>& result) {
            if (!weak.expired())
                on_submitted(key, result);
        }));
}

void People::on_submitted(const std::string& key, const Result<control::SubmittedRun>& result) {
    if (!result) {
        if (is_final(result.error()))
            wanted_.erase(key);
        else if (const auto wish = wanted_.find(key); wish != wanted_.end())
            wish->second.last_error = result.error().to_string();
        return;
    }
    oracle_.on_acknowledged(result->run);
    const auto known = received_.emplace(key, result->run);
    violations_.require(known.first->second == result->run, "the key " + key + " names two runs");
    runs_.push_back(result->run);
    // Some did not catch the answer and ask again.
    if (!random_.chance(200))
        wanted_.erase(key);
}

std::string People::unmet() const {
    std::string text;
    for (const auto& [session, error] : sessions_wanted_)
        text += "nobody has made session " + session + " (" + error + ") ";
    for (const auto& [key, wish] : wanted_)
        text += key + " of " + wish.session + " was never accepted (" + wish.last_error + ") ";
    return text;
}

void People::look_at_gates() {
    agenda_.in(later(), [this] { look_at_gates(); });
    constexpr std::size_t kLook = 20;
    if (service_ == nullptr || !answer_gates)
        return;
    for (const ApprovalId& approval : service_->pending_approvals(kLook))
        answer_gate(approval);
    for (const QuestionId& question : service_->pending_questions(kLook))
        if (random_.chance(500)) // some take their time
            answer_question(question);
}

void People::answer_question(const QuestionId& question) {
    const Result<control::QuestionSummary> summary = service_->question_summary(question);
    if (!summary) {
        violations_.add("a pending question is not there: " + summary.error().to_string());
        return;
    }
    Responder<codec::Json> ignore([](const Result<codec::Json>&) {});
    if (random_.chance(50)) {
        service_->cancel_question(
            alice(), summary->run, {question, "no", std::nullopt}, std::move(ignore));
        return;
    }
    control::ResolveQuestion request;
    request.question = question;
    request.declined = random_.chance(200);
    const bool is_wrong = random_.chance(100);
    if (!request.declined)
        request.answers.push_back({is_wrong ? "stop" : "go", {}, "yes"});
    const int times = random_.chance(100) ? 2 : 1; // twice is a double click
    for (int i = 0; i < times; ++i)
        service_->resolve_question(
            alice(),
            summary->run,
            request,
            Responder<codec::Json>([this, question, refused = is_wrong && !request.declined](
                                       const Result<codec::Json>& result) {
                violations_.require(
                    !refused || !result, question.value + " took an answer to something else");
            }));
}

void People::answer_gate(const ApprovalId& approval) {
    control::Resolution resolution;
    resolution.approval = approval;
    using Behavior = control::Resolution::Behavior;
    resolution.behavior = random_.chance(700) ? Behavior::allow : Behavior::deny;
    if (engine::is_outcome_gate(approval) && random_.chance(300)) {
        resolution.behavior = Behavior::supply;
        resolution.result = "it is done";
    }
    if (!engine::is_outcome_gate(approval) && resolution.behavior == Behavior::allow &&
        random_.chance(150))
        resolution.updated_input = R"({"command":"make check"})"; // not all tools take that
    resolution.reason = "because";
    const bool is_stale = random_.chance(100);
    if (is_stale)
        resolution.digest = codec::sha256("something else than was shown");
    control::ResolveApprovals request;
    request.resolutions.push_back(resolution);
    const int times = random_.chance(100) ? 2 : 1; // twice is a double click
    for (int i = 0; i < times; ++i)
        service_->resolve_approval(
            alice(),
            request,
            Responder<codec::Json>([this, approval, is_stale](const Result<codec::Json>& result) {
                violations_.require(
                    !is_stale || !result,
                    approval.value + " was released for another digest than was shown");
            }));
}

void People::meddle() {
    agenda_.in(later(), [this] { meddle(); });
    if (service_ == nullptr || runs_.empty() || !random_.chance(meddling))
        return;
    Responder<codec::Json> ignore([](const Result<codec::Json>&) {});
    const std::int64_t what = random_.below(10);
    if (what < 7)
        service_->cancel_run(alice(), random_.pick(runs_), {"enough"}, std::move(ignore));
    else if (what < 9)
        service_->interrupt_session(
            alice(), SessionId{random_.pick(sessions_)}, {"stop that"}, std::move(ignore));
    else
        service_->end_session(
            alice(), SessionId{random_.pick(sessions_)}, {"done"}, std::move(ignore));
}

} // namespace kheish::sim
