// What ends leases before their time.

#include "control/conversions.hpp"
#include "control/leases.hpp"
#include "control/subject_projection.hpp"

#include <utility>

namespace kheish::control {

using codec::Json;
using journal::SubjectRow;

engine::Event Leases::event_of(const Caller& caller, engine::EventBody body) const {
    engine::Event event;
    event.at_us = clock_.now().wall_us;
    event.authority = caller.authority();
    event.body = std::move(body);
    return event;
}

void Leases::finish(
    std::vector<engine::Event> events, EventSeq first, UniqueFunction<void()>& act) {
    for (std::size_t i = 0; i < events.size(); ++i)
        events[i].seq = first + static_cast<EventSeq>(i);
    if (announce_)
        announce_(events);
    act();
}

void Leases::submit(
    journal::Write write,
    std::vector<engine::Event> events,
    UniqueFunction<void()> act,
    Responder<void> responder) {
    for (const engine::Event& event : events)
        write.events.push_back(to_new_event(event));
    journal_.submit(
        std::move(write),
        Responder<journal::Committed>([weak = std::weak_ptr<Leases*>(self_),
                                       events = std::move(events),
                                       act = std::move(act),
                                       responder = std::move(responder)](
                                          const Result<journal::Committed>& done) mutable {
            const std::shared_ptr<Leases*> self = weak.lock();
            if (!done || self == nullptr)
                return responder.fail(
                    done ? Error{.code = Errc::journal_unavailable, .message = "kheishd has ended"}
                         : done.error());
            (*self)->finish(std::move(events), done->first, act);
            responder.answer({});
        }));
}

void Leases::give_up(const std::vector<std::string>& leases, const std::string& why) {
    std::vector<RunId> runs; // giving up ends the lease
    for (const std::string& id : leases)
        if (const auto found = held_.find(id); found != held_.end())
            runs.push_back(found->second.asked.run);
    for (const RunId run : runs)
        if (on_revoked_)
            on_revoked_(run, why);
}

// --- subjects
// -------------------------------------------------------------------------------------

void Leases::revoke_subject(
    const Caller& caller, const NamedRequest& request, Responder<Json> responder) {
    change_subject(
        caller,
        engine::SubjectRevoked{.subject = request.name, .reason = request.reason},
        std::move(responder));
}

void Leases::restore_subject(
    const Caller& caller, const NamedRequest& request, Responder<Json> responder) {
    change_subject(
        caller,
        engine::SubjectRestored{.subject = request.name, .reason = request.reason},
        std::move(responder));
}

void Leases::change_subject(
    const Caller& caller, engine::EventBody body, Responder<Json> responder) {
    engine::Event event = event_of(caller, std::move(body));
    const std::string subject = control::subject_of(event).value_or("");
    if (const Status good = check_subject(subject); !good)
        return responder.fail(good.error());
    if (changing_.contains(subject))
        return responder.fail(Errc::conflict, "subject " + subject + " is being changed");
    const bool revokes = std::holds_alternative<engine::SubjectRevoked>(event.body);
    if (is_revoked(subject) == revokes)
        return responder.answer(subject_view(subject)); // a repeated one changes nothing
    const auto found = subjects_.find(subject);
    Result<SubjectRow> row = follow_subject(
        found == subjects_.end() ? std::nullopt : std::optional(found->second), event);
    if (!row)
        return responder.fail(row.error());
    changing_.insert(subject);
    journal::Write write;
    write.rows.emplace_back(*row);
    submit(
        std::move(write),
        {std::move(event)},
        [this, subject, revokes, row = *std::move(row)] {
            subjects_.insert_or_assign(subject, row);
            if (revokes)
                give_up(held_by(subject), subject + " was revoked");
            else if (on_restored_)
                on_restored_();
        },
        Responder<void>([this,
                         alive = std::weak_ptr<Leases*>(self_),
                         subject,
                         responder = std::move(responder)](const Result<void>& done) mutable {
            if (alive.expired())
                return responder.fail(Errc::journal_unavailable, "kheishd has ended");
            changing_.erase(subject);
            responder.answer(done ? subject_view(subject) : fail(done.error()));
        }));
}

// --- leases
// ---------------------------------------------------------------------------------------

void Leases::revoke_leases(
    const Caller& caller,
    const std::vector<std::string>& leases,
    const std::string& reason,
    Responder<void> responder) {
    std::vector<engine::Event> events;
    events.reserve(leases.size());
    for (const std::string& id : leases)
        events.push_back(event_of(caller, engine::LeaseRevoked{.lease = id, .reason = reason}));
    submit(
        {},
        std::move(events),
        [this, leases] { give_up(leases, "its lease was revoked"); },
        std::move(responder));
}

void Leases::revoke_lease(
    const Caller& caller, const NamedRequest& request, Responder<Json> responder) {
    Result<Json> view = lease_view(request.name);
    if (!view)
        return responder.fail(view.error());
    view->set("revoked", true);
    view->set("active", false);
    revoke_leases(
        caller,
        {request.name},
        request.reason,
        Responder<void>([view = *std::move(view),
                         responder = std::move(responder)](const Result<void>& done) mutable {
            responder.answer(done ? Result<Json>(std::move(view)) : fail(done.error()));
        }));
}

void Leases::revoke_slot(
    const Caller& caller, const NamedRequest& request, Responder<Json> responder) {
    if (request.name.empty())
        return responder.fail(Errc::bad_request, "name must name a secret or a credential");
    std::vector<std::string> leases;
    for (const auto& [id, lease] : held_)
        if (lease.asked.slot == request.name)
            leases.push_back(id);
    Json answer = Json::object(
        {{"slot_id", request.name}, {"revoked_leases", static_cast<std::int64_t>(leases.size())}});
    if (leases.empty())
        return responder.answer(std::move(answer));
    revoke_leases(
        caller,
        leases,
        request.reason,
        Responder<void>([answer = std::move(answer),
                         responder = std::move(responder)](const Result<void>& done) mutable {
            responder.answer(done ? Result<Json>(std::move(answer)) : fail(done.error()));
        }));
}

} // namespace kheish::control
