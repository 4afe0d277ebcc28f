#include "control_fixture.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

namespace kheish::control {

class FakeTimers::Handle final : public Timer {
  public:
    Handle(FakeTimers& timers, std::uint64_t id) : timers_(timers), id_(id) {}
    ~Handle() override { timers_.timers_.erase(id_); }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;

  private:
    FakeTimers& timers_;
    std::uint64_t id_;
};

std::unique_ptr<Timer>
FakeTimers::start(std::chrono::microseconds delay, UniqueFunction<void()> fire) {
    const std::uint64_t id = ++next_;
    timers_.emplace(id, Entry{clock_.now().boot_us + delay.count(), false, std::move(fire)});
    return std::make_unique<Handle>(*this, id);
}

std::unique_ptr<Timer>
FakeTimers::start_at_wall(std::int64_t wall_us, UniqueFunction<void()> fire) {
    const std::uint64_t id = ++next_;
    timers_.emplace(id, Entry{wall_us, true, std::move(fire)});
    return std::make_unique<Handle>(*this, id);
}

void FakeTimers::pass(std::chrono::microseconds time) {
    clock_.advance(time);
    const Instant now = clock_.now();
    for (;;) {
        const auto due = std::find_if(timers_.begin(), timers_.end(), [now](const auto& timer) {
            return timer.second.due_us <= (timer.second.by_wall ? now.wall_us : now.boot_us);
        });
        if (due == timers_.end())
            return;
        UniqueFunction<void()> fire = std::move(due->second.fire);
        timers_.erase(due);
        fire();
    }
}

namespace {

class FakeCallHandle final : public models::Call {
  public:
    explicit FakeCallHandle(std::shared_ptr<FakeModel::Call> call) : call_(std::move(call)) {}
    ~FakeCallHandle() override { call_->aborted = true; }
    FakeCallHandle(const FakeCallHandle&) = delete;
    FakeCallHandle& operator=(const FakeCallHandle&) = delete;

  private:
    std::shared_ptr<FakeModel::Call> call_;
};

} // namespace

std::unique_ptr<models::Call>
FakeModel::call(models::Request request, std::string key, models::CallHandlers handlers) {
    calls_.push_back(std::make_shared<Call>(
        Call{std::move(request), std::move(key), std::move(handlers), false}));
    return std::make_unique<FakeCallHandle>(calls_.back());
}

std::shared_ptr<FakeModel::Call> FakeModel::current() const {
    if (calls_.empty() || calls_.back()->aborted)
        return nullptr;
    return calls_.back();
}

void FakeModel::finish(tl::expected<models::Response, models::CallError> result) {
    const std::shared_ptr<Call> call = current();
    ASSERT_NE(call, nullptr) << "no model call is under way";
    call->handlers.on_finished(std::move(result));
}

void FakeModel::answer(std::string text) {
    models::Response response;
    response.message.role = models::Message::Role::assistant;
    response.message.parts.emplace_back(models::Text{std::move(text)});
    response.usage = {.input_tokens = 10, .output_tokens = 5};
    response.model = "fake-1";
    finish(std::move(response));
}

void FakeModel::answer_calls(std::vector<models::ToolCall> calls) {
    models::Response response;
    response.message.role = models::Message::Role::assistant;
    for (models::ToolCall& call : calls)
        response.message.parts.emplace_back(std::move(call));
    response.stop_reason = models::Response::StopReason::tool_use;
    response.usage = {.input_tokens = 10, .output_tokens = 5};
    response.model = "fake-1";
    finish(std::move(response));
}

void FakeModel::fail(
    models::CallError::Kind kind, std::optional<std::chrono::microseconds> retry_after) {
    finish(tl::unexpected(
        models::CallError{.kind = kind, .message = "as told", .retry_after = retry_after}));
}

std::unique_ptr<outbound::WebCall>
FakeWeb::start(outbound::WebRequest request, UniqueFunction<void(outbound::WebAnswer)> done) {
    class Held final : public outbound::WebCall {
      public:
        explicit Held(std::shared_ptr<FakeWeb::Call> call) : call_(std::move(call)) {}
        ~Held() override { call_->given_up = true; }

      private:
        std::shared_ptr<FakeWeb::Call> call_;
    };
    calls.push_back(std::make_shared<Call>(Call{std::move(request), std::move(done)}));
    return std::make_unique<Held>(calls.back());
}

void ControlFixture::SetUp() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "kheish-control-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    settings_.agent_uid = 990;
    boot();
}

void ControlFixture::TearDown() {
    crash();
    std::filesystem::remove_all(directory_);
}

void ControlFixture::boot() {
    timers_ = std::make_unique<FakeTimers>(clock_);
    routes_ = std::make_unique<FakeRoutes>();
    host_ = std::make_unique<FakeRunHost>();
    web_ = std::make_unique<FakeWeb>();
    Result<std::unique_ptr<journal::SqliteJournal>> journal = journal::SqliteJournal::open(
        directory_ + "/journal.db",
        journal::Options{
            .durability = journal::Durability::off, .vfs = vfs_, .on_migration_progress = {}},
        clock_,
        entropy_);
    ASSERT_TRUE(journal.has_value()) << journal.error().to_string();
    journal_ = std::move(*journal);
    secrets_ = std::make_unique<Secrets>(*journal_, clock_, entropy_, given_);
    plane_ = std::make_unique<ControlPlane>(
        Outside{*journal_, clock_, *timers_, entropy_, *routes_, *host_, *secrets_, *web_, tools_},
        settings_);
    const Status restored = plane_->restore();
    ASSERT_TRUE(restored.has_value()) << restored.error().to_string();
    settle();
}

void ControlFixture::crash() {
    plane_.reset();
    secrets_.reset();
    journal_.reset();
    host_.reset();
    web_.reset();
    routes_.reset();
    timers_.reset();
}

void ControlFixture::settle() {
    while (journal_->has_pending()) {
        const Status committed = journal_->commit();
        ASSERT_TRUE(committed.has_value()) << committed.error().to_string();
    }
}

void ControlFixture::make_session(const std::string& name, uid_t uid) {
    const Result<CreatedSession> created =
        wait_for<CreatedSession>([this, &name, uid](Responder<CreatedSession> responder) {
            plane_->create_session(
                Caller::user(uid),
                CreateSession{SessionId{name}, "", "/home/user/project"},
                std::move(responder));
        });
    ASSERT_TRUE(created.has_value()) << created.error().to_string();
}

RunId ControlFixture::submit(const std::string& session, const std::string& text, uid_t uid) {
    const Result<SubmittedRun> run =
        wait_for<SubmittedRun>([this, &session, &text, uid](Responder<SubmittedRun> responder) {
            SubmitInput input;
            input.content = text;
            plane_->submit(
                Caller::user(uid), SessionId{session}, std::move(input), std::move(responder));
        });
    EXPECT_TRUE(run.has_value()) << run.error().to_string();
    return run ? run->run : RunId{};
}

void ControlFixture::launched(RunId run, int attempt) {
    host_->observer->on_launched(
        run, attempt, {.unit = run_scope_name(run, attempt), .degraded = {}, .project = project_});
    settle();
}

void ControlFixture::finish_call(RunId run, const std::string& call, const std::string& text) {
    scopes::Outcome outcome;
    outcome.call = CallId{call};
    outcome.text = text;
    host_->observer->on_finished(run, 1, std::move(outcome));
    settle();
}

codec::Json ControlFixture::view(RunId run, uid_t uid) {
    const Result<codec::Json> view = plane_->run_view(Caller::user(uid), run);
    EXPECT_TRUE(view.has_value()) << view.error().to_string();
    return view.value_or(codec::Json::object());
}

std::string ControlFixture::wait_reason(RunId run) {
    const std::optional<codec::Json> reason = view(run).find("wait_reason");
    return reason ? reason->string() : "";
}

std::vector<std::string> ControlFixture::event_types(RunId run) {
    std::vector<std::string> types;
    const Result<journal::Page<journal::StoredEvent>> page =
        journal_->events(0, {.session = {}, .run = run}, journal::kPageLimit);
    for (const journal::StoredEvent& event : page->items)
        types.push_back(event.event.type);
    return types;
}

std::string ControlFixture::only_approval(RunId run) {
    const std::optional<codec::Json> ids = view(run).find("pending_approval_ids");
    EXPECT_TRUE(ids && ids->size() == 1);
    return ids ? ids->at(0).string() : "";
}

Result<codec::Json>
ControlFixture::resolve(RunId run, const std::string& approval, bool allow, uid_t uid) {
    return wait_for<codec::Json>([this, run, &approval, allow, uid](
                                     Responder<codec::Json> responder) {
        ResolveApprovals request;
        Resolution& resolution = request.resolutions.emplace_back();
        resolution.approval.value = approval;
        resolution.behavior = allow ? Resolution::Behavior::allow : Resolution::Behavior::deny;
        resolution.reason = "because";
        plane_->resolve_approvals(Caller::user(uid), run, std::move(request), std::move(responder));
    });
}

void ControlFixture::expect_rows_follow_events(RunId run) {
    const Result<RunProjection> folded = RunProjection::load(*journal_, run);
    ASSERT_TRUE(folded.has_value()) << folded.error().to_string();
    journal::RunRow stored = journal_->run(run).value();
    journal::RunRow expected = folded->run_row();
    expected.owner = stored.owner;
    expected.first_seq = stored.first_seq;
    expected.last_seq = stored.last_seq;
    EXPECT_EQ(stored, expected) << run.to_string();
}

} // namespace kheish::control
