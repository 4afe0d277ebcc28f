#include "control/grants.hpp"

#include "base/log.hpp"
#include "control/conversions.hpp"
#include "control/grant_projection.hpp"
#include "control/views.hpp"

#include <algorithm>
#include <utility>

namespace kheish::control {

using codec::Json;
using journal::GrantRow;

namespace {

bool is_for(const GrantRow& row, govern::GrantLifetime lifetime) {
    return row.lifetime == govern::to_string(lifetime);
}

} // namespace

Status Grants::keep(GrantRow row) {
    KHEISH_TRY(govern::Grant grant, grant_of(row));
    std::string id = row.grant;
    live_.insert_or_assign(std::move(id), Entry{std::move(row), std::move(grant)});
    return {};
}

Status Grants::load() {
    journal::PageRequest request{.after = {}, .limit = journal::kPageLimit};
    for (;;) {
        KHEISH_TRY(journal::Page<GrantRow> page, journal_.live_grants(request));
        for (GrantRow& row : page.items)
            if (!has_expired(row))
                KHEISH_CHECK(keep(std::move(row)));
        if (!page.has_more)
            return {};
        request.after = page.next;
    }
}

void Grants::follow(const engine::Event& event) {
    if (engine::is_end_of_run(event.body))
        return drop([&event](const GrantRow& row) {
            return row.run == event.run && is_for(row, govern::GrantLifetime::run);
        });
    if (std::holds_alternative<engine::SessionEnded>(event.body))
        return drop([&event](const GrantRow& row) {
            return row.session == event.session && is_for(row, govern::GrantLifetime::session);
        });
    const auto* created = std::get_if<engine::GrantCreated>(&event.body);
    if (created == nullptr)
        return;
    drop([this](const GrantRow& row) { return has_expired(row); });
    Result<GrantRow> row = journal_.grant(created->grant);
    const Status kept = row ? keep(*std::move(row)) : Status(fail(row.error()));
    if (!kept) // people are asked again, which loses nothing
        log(Level::error,
            "a grant cannot be read",
            {{"KHEISH_GRANT", created->grant}, {log_field::kError, kept.error().to_string()}});
}

void Grants::drop(const std::function<bool(const GrantRow&)>& over) {
    std::erase_if(live_, [&over](const auto& entry) { return over(entry.second.row); });
}

bool Grants::has_expired(const GrantRow& row) const {
    return row.expires_us && *row.expires_us <= clock_.now().wall_us;
}

std::string Grants::owner_of(const SessionId& session) const {
    const Result<journal::SessionRow> row = journal_.session(session);
    return row ? row->owner : "";
}

bool Grants::holds_in(const GrantRow& row, const Place& place, const std::string& owner) const {
    if (has_expired(row) || changing_.contains(row.grant))
        return false;
    if (is_for(row, govern::GrantLifetime::run))
        return row.run == place.run;
    if (is_for(row, govern::GrantLifetime::session))
        return row.session == place.session;
    return row.workspace == place.workspace && row.owner == owner;
}

std::vector<const govern::Grant*> Grants::of(const Place& place) const {
    std::vector<const govern::Grant*> grants;
    if (live_.empty())
        return grants;
    const std::string owner = owner_of(place.session);
    for (const auto& [id, entry] : live_)
        if (holds_in(entry.row, place, owner))
            grants.push_back(&entry.grant);
    return grants;
}

bool Grants::hold(const std::vector<std::string>& ids, const Place& place) const {
    if (ids.empty())
        return true;
    const std::string owner = owner_of(place.session);
    return std::all_of(ids.begin(), ids.end(), [this, &place, &owner](const std::string& id) {
        const auto found = live_.find(id);
        return found != live_.end() && holds_in(found->second.row, place, owner);
    });
}

Status Grants::check_room(const SessionId& session) const {
    KHEISH_TRY(const journal::SessionRow row, journal_.session(session));
    const auto of_owner =
        std::count_if(live_.begin(), live_.end(), [this, &row](const auto& entry) {
            return entry.second.row.owner == row.owner && !has_expired(entry.second.row);
        });
    if (static_cast<std::size_t>(of_owner) < kLivePerOwnerLimit && live_.size() < kLiveLimit)
        return {};
    return fail(
        Errc::conflict,
        "there are " + std::to_string(of_owner) + " grants of " + row.owner + " and " +
            std::to_string(live_.size()) +
            " in all, as many as may be: revoke some, or allow without remembering");
}

// --- views
// ----------------------------------------------------------------------------------------

Json Grants::view_of(const GrantRow& row) const {
    Json view = Json::object({
        {"id", row.grant},
        {"session_id", row.session.value},
        {"run_id", row.run.to_string()},
        {"approval_id", row.approval.value},
        {"owner", row.owner},
        {"tool_name", row.tool},
        {"match", row.kind},
        {"for", row.lifetime},
        {"state",
         row.revoked_us     ? "revoked"
         : has_expired(row) ? "expired"
                            : "active"},
        {"created_at_ms", to_milliseconds(row.created_us)},
        {"created_by", row.created_by},
    });
    if (!row.pattern.empty())
        view.set("pattern", row.pattern);
    if (row.action)
        view.set("action_digest", row.action->to_hex());
    if (is_for(row, govern::GrantLifetime::days))
        view.set("workspace", row.workspace);
    if (row.expires_us)
        view.set("expires_at_ms", to_milliseconds(*row.expires_us));
    if (row.revoked_us) {
        view.set("revoked_at_ms", to_milliseconds(*row.revoked_us));
        view.set("revoked_by", row.revoked_by);
        view.set("reason", row.revoke_reason);
    }
    return view;
}

Json Grants::view(const Caller& caller, const ListGrants& request) const {
    const std::string self = caller.principal.to_string();
    std::vector<const GrantRow*> rows;
    for (const auto& [id, entry] : live_) {
        const bool is_asked_for = !request.session || entry.row.session == *request.session;
        const bool may_see = caller.acts_for_others || entry.row.owner == self;
        if (is_asked_for && may_see && !has_expired(entry.row))
            rows.push_back(&entry.row);
    }
    std::sort(rows.begin(), rows.end(), [](const GrantRow* left, const GrantRow* right) {
        return left->number < right->number;
    });
    Json views = Json::array();
    for (const GrantRow* row : rows)
        views.append(view_of(*row));
    return views;
}

Result<Principal> Grants::owner(const std::string& grant) const {
    KHEISH_TRY(const GrantRow row, journal_.grant(grant));
    return Principal::parse(row.owner);
}

// --- revocation
// -----------------------------------------------------------------------------------

void Grants::revoke(const Caller& caller, const RevokeGrant& request, Responder<Json> responder) {
    const Result<GrantRow> known = journal_.grant(request.grant);
    if (!known)
        return responder.fail(known.error());
    if (!caller.acts_for_others && known->owner != caller.principal.to_string())
        return responder.fail(Errc::forbidden, request.grant + " is not yours");
    if (known->revoked_us)
        return responder.answer(view_of(*known)); // a repeated revocation changes nothing
    if (changing_.contains(request.grant))
        return responder.fail(Errc::conflict, request.grant + " is being revoked");
    engine::Event event;
    event.session = known->session;
    event.agent = primary_agent(known->session);
    event.at_us = clock_.now().wall_us;
    event.authority = caller.authority();
    event.body = engine::GrantRevoked{.grant = request.grant, .reason = request.reason};
    Result<GrantRow> row = follow_grant(*known, event);
    if (!row)
        return responder.fail(row.error());
    changing_.insert(row->grant); // it allows nothing from here on, unless the commit fails
    journal::Write write;
    write.events.push_back(to_new_event(event));
    write.rows.emplace_back(*row);
    journal_.submit(
        std::move(write),
        Responder<journal::Committed>(
            [this,
             alive = std::weak_ptr<void>(alive_),
             event = std::move(event),
             row = *std::move(row),
             responder = std::move(responder)](const Result<journal::Committed>& done) mutable {
                if (alive.expired())
                    responder.fail(Errc::journal_unavailable, "kheishd has ended");
                else
                    finish(std::move(event), row, done, responder);
            }));
}

void Grants::finish(
    engine::Event event,
    const GrantRow& row,
    const Result<journal::Committed>& done,
    Responder<Json>& responder) {
    changing_.erase(row.grant);
    if (!done)
        return responder.fail(done.error());
    live_.erase(row.grant);
    event.seq = done->first;
    if (announce_)
        announce_({event});
    responder.answer(view_of(row));
}

} // namespace kheish::control
