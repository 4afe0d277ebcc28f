// A run's calls to its model.

#include "control/conversions.hpp"
#include "control/prompt.hpp"
#include "control/run_actor.hpp"
#include "govern/scope.hpp"

#include <utility>

namespace kheish::control {

namespace {

/// Looked at where the credential is used, whatever was looked at before. What cannot be read
/// permits nothing.
bool is_in_scope(const engine::RunAccepted& accepted) {
    if (accepted.credential_scope.empty())
        return true;
    const Result<govern::CredentialScope> scope =
        govern::parse_scope<govern::CredentialScope>(accepted.credential_scope);
    return scope && scope->routes.permits(accepted.route);
}

} // namespace

void RunActor::Planner::operator()(const engine::TrimContext& effect) {
    (void)actor.plan_event(plan, engine::ContextTrimmed{.first_turn = effect.first_turn});
}

void RunActor::Planner::operator()(const engine::RequestModel& effect) {
    const engine::RunAccepted& accepted = actor.state().request;
    if (actor.outside_.routes.model(accepted.route) == nullptr) {
        (void)actor.plan_event(
            plan,
            engine::RunFailed{
                .code = "route_not_ready",
                .error = "route \"" + accepted.route + "\" is not configured or not ready"});
        return;
    }
    if (!is_in_scope(accepted)) {
        (void)actor.plan_event(
            plan,
            engine::RunFailed{
                .code = "credential_scope_denied",
                .error = "the session's credential scope blocks route \"" + accepted.route + "\""});
        return;
    }
    const Result<ToolSurface> tools = actor.tools();
    Result<Prompt> prompt = tools ? build_prompt(actor.state(), actor.outside_.journal, *tools)
                                  : Result<Prompt>(fail(tools.error()));
    if (!prompt) {
        actor.break_off(prompt.error());
        return;
    }
    if (!actor.plan_event(
            plan,
            engine::ModelRequested{
                .turn = effect.turn,
                .attempt = effect.attempt,
                .route = accepted.route,
                .model = accepted.model,
                .request_digest = prompt->digest,
                .lease_expires_us = actor.outside_.clock.now().wall_us +
                                    std::chrono::microseconds(Leases::kLifetime).count()}))
        return;
    plan.batch.acts.emplace_back([self = actor.shared_from_this(),
                                  request = std::move(prompt->request),
                                  turn = effect.turn,
                                  attempt = effect.attempt]() mutable {
        self->call_model(std::move(request), turn, attempt);
    });
}

void RunActor::call_model(models::Request request, int turn, int attempt) {
    models::Model* model = outside_.routes.model(state().request.route);
    if (model == nullptr)
        return fail_model(
            turn, attempt, models::CallError::Kind::authentication, "the route went away");
    if (observer_.is_going_to_sleep())
        return fail_model(
            turn, attempt, models::CallError::Kind::network, "the machine goes to sleep");
    Result<Leases::Held> lease = observer_.leases().take(
        {.run = run(),
         .turn = turn,
         .attempt = attempt,
         .session = state().session,
         .agent = state().agent,
         .route = state().request.route,
         .slot = outside_.routes.credential_of(state().request.route)});
    if (!lease)
        return fail_model(
            turn, attempt, models::CallError::Kind::authentication, lease.error().message);
    model_lease_ = *std::move(lease);
    models::CallHandlers handlers;
    handlers.on_text = [this](std::string_view text) {
        observer_.on_text(*this, text);
    };
    handlers.on_finished = [weak = weak_from_this(), turn, attempt](
                               tl::expected<models::Response, models::CallError> result) {
        if (const std::shared_ptr<RunActor> self = weak.lock())
            self->on_model_finished(turn, attempt, std::move(result));
    };
    model_call_ = model->call(
        std::move(request),
        run().to_string() + "/turn-" + std::to_string(turn) + "/attempt-" + std::to_string(attempt),
        std::move(handlers));
}

void RunActor::on_network_changed() {
    post([self = shared_from_this()] {
        const engine::ModelState& model = self->state().model;
        if (model.phase == engine::ModelState::Phase::waiting && model.retry.network)
            self->record(
                engine::ModelRetryWoken{.turn = model.retry.turn, .attempt = model.retry.attempt});
    });
}

void RunActor::on_credential_changed(bool gone) {
    post([self = shared_from_this(), gone] {
        if (gone)
            self->give_up_model("the credential was taken away while the model was asked");
        else
            self->wake_for_credential();
    });
}

void RunActor::on_lease_revoked(std::string why) {
    post([self = shared_from_this(), why = std::move(why)] { self->give_up_model(why); });
}

/// Nothing comes of it any more.
void RunActor::end_model_call() {
    model_call_.reset();
    model_lease_ = {};
}

void RunActor::wake_for_credential() {
    const engine::ModelState& model = state().model;
    if (model.phase == engine::ModelState::Phase::waiting && model.retry.credential)
        record(engine::ModelRetryWoken{.turn = model.retry.turn, .attempt = model.retry.attempt});
}

/// The attempt that is under way, if there is one, is made again with another credential.
void RunActor::give_up_model(std::string reason) {
    const engine::ModelState& model = state().model;
    if (model.phase == engine::ModelState::Phase::in_flight)
        fail_model(
            model.turn, model.attempt, models::CallError::Kind::authentication, std::move(reason));
}

void RunActor::on_sleep() {
    const engine::ModelState& model = state().model;
    if (model.phase == engine::ModelState::Phase::in_flight)
        fail_model(
            model.turn,
            model.attempt,
            models::CallError::Kind::network,
            "the machine goes to sleep");
}

void RunActor::fail_model(
    int turn, int attempt, models::CallError::Kind kind, std::string message) {
    on_model_finished(
        turn,
        attempt,
        tl::unexpected(models::CallError{
            .kind = kind,
            .message = std::move(message),
            .http_status = 0,
            .retry_after = std::nullopt}));
}

void RunActor::on_model_finished(
    int turn, int attempt, tl::expected<models::Response, models::CallError> result) {
    post([self = shared_from_this(), turn, attempt, result = std::move(result)] {
        const engine::ModelState& model = self->state().model;
        const bool awaited = model.phase == engine::ModelState::Phase::in_flight &&
                             model.turn == turn && model.attempt == attempt;
        if (awaited) // else the run has ended meanwhile
            self->take_answer(turn, attempt, result);
    });
}

void RunActor::take_answer(
    int turn, int attempt, const tl::expected<models::Response, models::CallError>& result) {
    end_model_call();
    if (result) {
        complete_model(turn, attempt, *result);
        return;
    }
    const models::CallError& error = result.error();
    record(engine::ModelFailed{
        .turn = turn,
        .attempt = attempt,
        .error_kind = std::string(models::to_string(error.kind)),
        .error = error.message,
        .retryable = error.is_retryable(),
        .retry_after_us = error.retry_after ? error.retry_after->count() : -1});
}

void RunActor::complete_model(int turn, int attempt, const models::Response& response) {
    const Result<ToolSurface> tools = this->tools();
    if (!tools)
        return break_off(tools.error());
    Batch batch = agent_batch();
    engine::ModelCompleted completed;
    completed.turn = turn;
    completed.attempt = attempt;
    completed.stop_reason = models::to_string(response.stop_reason);
    completed.usage = to_engine(response.usage);
    completed.model = response.model;
    completed.text_preview = preview_of(text_of(response.message));
    batch.blobs.push_back(models::encode_message(response.message));
    completed.message = codec::blob_ref(batch.blobs.back());
    for (const models::Part& part : response.message.parts)
        if (const auto* call = std::get_if<models::ToolCall>(&part))
            completed.calls.push_back(
                propose(*call, *tools, engine::call_id(turn, completed.calls.size()), batch));
    if (const Status staged = stage(batch, std::move(completed)); !staged) {
        break_off(staged.error());
        return;
    }
    commit(std::move(batch));
}

Result<ToolSurface> RunActor::tools() const {
    return ToolSurface::of(outside_.tools, state().request.capability_scope);
}

const tools::Tool* RunActor::find_tool(std::string_view name) const {
    const Result<ToolSurface> tools = this->tools();
    return tools ? tools->find(name) : nullptr;
}

engine::ProposedCall RunActor::propose(
    const models::ToolCall& call, const ToolSurface& tools, CallId id, Batch& batch) const {
    engine::ProposedCall proposed;
    proposed.call = std::move(id);
    proposed.provider_call_id = call.id;
    proposed.tool = call.tool;
    std::string input = call.input;
    if (const tools::Tool* tool = tools.find(call.tool)) {
        proposed.effect_class = tool->effect_class;
        proposed.place = tool->place;
        proposed.parallel = tool->parallel;
        Result<std::string> valid =
            tools::validate_input(*tool, call.input, state().request.workspace);
        if (valid)
            input = std::move(*valid);
        else
            proposed.invalid_reason = valid.error().message;
    } else {
        proposed.invalid_reason = "there is no tool \"" + call.tool + "\"";
    }
    proposed.input = codec::blob_ref(input);
    batch.blobs.push_back(std::move(input));
    return proposed;
}

} // namespace kheish::control
