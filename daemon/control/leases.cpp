#include "control/leases.hpp"

#include "control/conversions.hpp"
#include "control/subject_projection.hpp"
#include "control/views.hpp"

#include <algorithm>
#include <utility>

namespace kheish::control {

using codec::Json;
using journal::SubjectRow;

namespace {

std::string subject_of(const SessionId& session) {
    return "session:" + session.value;
}
std::string subject_of(const AgentId& agent) {
    return "agent:" + agent.value;
}

} // namespace

void Leases::Held::end() {
    if (const std::shared_ptr<Leases*> leases = leases_.lock())
        (*leases)->held_.erase(id_);
    leases_.reset();
}

Status Leases::load() {
    journal::PageRequest request{.after = {}, .limit = journal::kPageLimit};
    for (;;) {
        KHEISH_TRY(journal::Page<SubjectRow> page, journal_.subjects(request));
        for (SubjectRow& row : page.items) {
            std::string subject = row.subject;
            subjects_.insert_or_assign(std::move(subject), std::move(row));
        }
        if (!page.has_more)
            return {};
        request.after = page.next;
    }
}

std::string Leases::id_of(RunId run, int turn, int attempt) {
    return "lease-" + std::to_string(run.number) + "-" + std::to_string(turn) + "-" +
           std::to_string(attempt);
}

std::string Leases::grant_of(const std::string& agent, const std::string& route) {
    return "agent:" + agent + "/route:" + route;
}

std::int64_t Leases::epoch_of(const std::string& subject) const {
    const auto found = subjects_.find(subject);
    return found == subjects_.end() ? 0 : found->second.epoch;
}

bool Leases::is_revoked(const std::string& subject) const {
    const auto found = subjects_.find(subject);
    return found != subjects_.end() && found->second.revoked;
}

Result<Leases::Held> Leases::take(const Asked& asked) {
    for (const std::string& subject : {subject_of(asked.session), subject_of(asked.agent)})
        if (is_revoked(subject))
            return fail(
                Errc::forbidden,
                subject + " was revoked: an administrator gives it back with kheishctl auth "
                          "restore-subject");
    std::string id = id_of(asked.run, asked.turn, asked.attempt);
    held_.insert_or_assign(
        id,
        Lease{
            .asked = asked,
            .epoch = epoch_of(subject_of(asked.agent)),
            .issued_us = clock_.now().wall_us});
    return Held(*this, std::move(id));
}

std::vector<std::string> Leases::held_by(const std::string& subject) const {
    std::vector<std::string> ids;
    for (const auto& [id, lease] : held_)
        if (subject == subject_of(lease.asked.session) || subject == subject_of(lease.asked.agent))
            ids.push_back(id);
    return ids;
}

// --- views
// ----------------------------------------------------------------------------------------

Result<Json> Leases::subject_view(const std::string& subject) const {
    KHEISH_CHECK(check_subject(subject));
    Json leases = Json::array();
    for (const std::string& id : held_by(subject))
        leases.append(Json(id));
    Json view = Json::object({
        {"subject_id", subject},
        {"current_epoch", epoch_of(subject)},
        {"revoked", is_revoked(subject)},
        {"active_route_lease_ids", std::move(leases)},
        {"active_connector_lease_ids", Json::array()},
        {"active_mcp_lease_ids", Json::array()},
    });
    if (const auto found = subjects_.find(subject); found != subjects_.end()) {
        view.set("updated_at_ms", to_milliseconds(found->second.updated_us));
        view.set("updated_by", found->second.updated_by);
        view.set("reason", found->second.reason);
    }
    return view;
}

Json Leases::view_of(const std::string& id, const Lease& lease) const {
    const std::int64_t end = lease.issued_us + std::chrono::microseconds(kLifetime).count();
    Json audience = Json::object({{"type", "route"}, {"route_id", lease.asked.route}});
    if (!lease.asked.slot.empty())
        audience.set("slot_id", lease.asked.slot);
    return Json::object({
        {"lease",
         Json::object({
             {"id", id},
             {"grant_id", grant_of(lease.asked.agent.value, lease.asked.route)},
             {"subject_id", subject_of(lease.asked.agent)},
             {"subject_epoch", lease.epoch},
             {"audience", std::move(audience)},
             {"issued_at_ms", to_milliseconds(lease.issued_us)},
             {"expires_at_ms", to_milliseconds(end)},
         })},
        {"run_id", lease.asked.run.to_string()},
        {"revoked", false},
        {"active", clock_.now().wall_us < end},
    });
}

Result<Json> Leases::lease_view(const std::string& lease) const {
    const auto found = held_.find(lease);
    if (found == held_.end())
        return fail(
            Errc::not_found,
            "no lease \"" + lease +
                "\" is held now; those that were are in kheishctl runs external-actions");
    return view_of(found->first, found->second);
}

} // namespace kheish::control
