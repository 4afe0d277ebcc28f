#include "bus/access.hpp"

#include <algorithm>

namespace kheish::bus {

using control::Caller;

namespace {

constexpr const char* kLeaving = "kheishd leaves the bus; call again";

} // namespace

Access::Access(Peers& peers, govern::Authorizer& authorizer)
    : peers_(peers), authorizer_(authorizer), self_(std::make_shared<Access*>(this)) {
    peers_.set_gone_handler([this](const std::string& bus_name) { on_gone(bus_name); });
}

Access::~Access() {
    peers_.set_gone_handler({});
    close();
}

void Access::close() {
    closed_ = true;
    while (!pending_.empty())
        finish(pending_.begin()->first, fail(Errc::daemon_draining, kLeaving));
}

void Access::check(
    const std::string& bus_name,
    bool interactive,
    AccessRequest request,
    Responder<Caller> responder) {
    if (closed_)
        return responder.fail(Errc::daemon_draining, kLeaving);
    if (pending_.size() >= kPendingLimit || pending_of(bus_name) >= kPendingPerPeerLimit)
        return responder.fail(
            Errc::rate_limited, "too many calls wait for an authorization; wait for their answers");
    const std::uint64_t number = ++last_number_;
    Question& question = pending_[number];
    question.bus_name = bus_name;
    question.interactive = interactive;
    question.request = std::move(request);
    question.responder = std::move(responder);
    peers_.find_uid(
        bus_name,
        Responder<uid_t>([self = std::weak_ptr<Access*>(self_), number](Result<uid_t> uid) {
            if (const std::shared_ptr<Access*> access = self.lock())
                (*access)->on_uid(number, std::move(uid));
        }));
}

void Access::on_uid(std::uint64_t number, Result<uid_t> uid) {
    const std::map<std::uint64_t, Question>::iterator found = pending_.find(number);
    if (found == pending_.end())
        return;
    if (!uid)
        return finish(number, fail(std::move(uid).error()));
    Question& question = found->second;
    question.caller = Caller::user(*uid);
    if (control::info(question.request.operation).polkit_action.empty())
        return finish(number, Caller(question.caller));
    if (question.request.listing)
        return ask(number, Stage::everything, true);
    const std::optional<Principal>& owner = question.request.owner;
    const std::vector<Principal>& deciders = question.request.deciders;
    const bool decides =
        std::find(deciders.begin(), deciders.end(), question.caller.principal) != deciders.end();
    ask(number, Stage::action, owner && *owner != question.caller.principal && !decides);
}

void Access::ask(std::uint64_t number, Stage stage, bool others) {
    Question& question = pending_.at(number);
    question.stage = stage;
    std::string action(control::info(question.request.operation).polkit_action);
    if (others)
        action += "-others";
    std::unique_ptr<govern::Authorization> authorization = authorizer_.check(
        {.bus_name = question.bus_name,
         .action = std::move(action),
         .details = question.request.details,
         .interactive = question.interactive && stage == Stage::action},
        Responder<void>([this, number, others](Status answer) {
            on_answer(number, others, std::move(answer));
        }));
    // An authorizer may have answered already.
    const std::map<std::uint64_t, Question>::iterator found = pending_.find(number);
    if (found != pending_.end() && found->second.stage == stage)
        found->second.authorization = std::move(authorization);
}

void Access::on_answer(std::uint64_t number, bool others, Status answer) {
    const std::map<std::uint64_t, Question>::iterator found = pending_.find(number);
    if (found == pending_.end())
        return;
    Question& question = found->second;
    if (!answer && question.stage == Stage::everything)
        return ask(number, Stage::action, false);
    if (!answer)
        return finish(number, fail(std::move(answer).error()));
    // What is nobody's is for administrators, and so is everything else then.
    const bool administers =
        control::info(question.request.operation).audit == control::AuditClass::administer;
    question.caller.acts_for_others = others || administers;
    finish(number, Caller(question.caller));
}

void Access::finish(std::uint64_t number, Result<Caller> result) {
    std::map<std::uint64_t, Question>::node_type question = pending_.extract(number);
    question.mapped().responder.answer(std::move(result));
}

void Access::on_gone(const std::string& bus_name) {
    std::vector<std::uint64_t> numbers;
    for (const auto& [number, question] : pending_)
        if (question.bus_name == bus_name)
            numbers.push_back(number);
    for (const std::uint64_t number : numbers)
        if (pending_.contains(number))
            finish(number, fail(Errc::cancelled, "the caller has left the bus"));
}

std::size_t Access::pending_of(const std::string& bus_name) const {
    return static_cast<std::size_t>(
        std::count_if(pending_.begin(), pending_.end(), [&bus_name](const auto& entry) {
            return entry.second.bus_name == bus_name;
        }));
}

} // namespace kheish::bus
