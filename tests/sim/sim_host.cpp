#include "sim_host.hpp"

namespace kheish::sim {

void SimHost::set_observer(scopes::RunHostObserver* observer) {
    if (life_)
        machine_.connect(observer, life_);
}

void SimHost::launch(scopes::LaunchRequest request) {
    if (!life_)
        return;
    oracle_.on_launch(request.run, request.attempt);
    machine_.launch(request.run, request.attempt);
}

void SimHost::adopt(RunId run, int attempt) {
    if (life_)
        machine_.adopt(run, attempt);
}

void SimHost::execute(RunId run, scopes::Execution execution) {
    if (!life_)
        return;
    oracle_.on_execute(durable_, run, execution);
    machine_.execute(run, std::move(execution));
}

void SimHost::proceed(RunId run, CallId call) {
    if (!life_)
        return;
    oracle_.on_proceed(run, call);
    machine_.proceed(run, call);
}

void SimHost::cancel(RunId run, CallId call) {
    if (life_)
        machine_.cancel(run, call);
}

void SimHost::acknowledge(RunId run, CallId call) {
    if (!life_)
        return;
    oracle_.on_acknowledge(run, call);
    machine_.acknowledge(run, call);
}

void SimHost::stop(RunId run, int attempt) {
    if (!life_)
        return;
    oracle_.on_stop(run, attempt);
    machine_.stop(run, attempt);
}

void SimHost::release(RunId run) {
    if (life_)
        oracle_.on_release(run);
}

void SimHost::sweep(std::vector<std::pair<RunId, int>> live, UniqueFunction<void(Status)> done) {
    if (life_)
        machine_.sweep(live);
    done({});
}

Result<std::string> SimHost::read_spool(
    RunId /*run*/,
    const CallId& /*call*/,
    std::int64_t /*offset_bytes*/,
    std::int64_t /*limit_bytes*/) {
    return fail(Errc::not_found, "the simulated machine keeps no spool");
}

} // namespace kheish::sim
