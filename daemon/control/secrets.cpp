#include "control/secrets.hpp"

#include "base/text.hpp"
#include "control/conversions.hpp"
#include "control/secret_projection.hpp"
#include "control/views.hpp"

#include <algorithm>
#include <utility>

namespace kheish::control {

using codec::Json;
using journal::SecretRow;
using journal::SecretState;

namespace {

std::string_view word(SecretState state) {
    switch (state) {
    case SecretState::stored:
        return "stored";
    case SecretState::revoked:
        return "revoked";
    case SecretState::deleted:
        break;
    }
    return "deleted";
}

std::string how_to_set(const std::string& name) {
    return "give it with `kheishctl secrets set " + name +
           "`, or as a systemd credential of kheish.service";
}

} // namespace

Secrets::Secrets(
    journal::Journal& journal, const Clock& clock, Entropy& entropy, const Given& given)
    : journal_(journal), clock_(clock), entropy_(entropy), given_(given) {}

// --- reading
// --------------------------------------------------------------------------------------

Result<Secret> Secrets::read(const std::string& name) const {
    Result<Secret> given = given_.read(name);
    if (given || given.error().code != Errc::not_found)
        return given;
    KHEISH_TRY(const std::optional<SecretRow> row, known(name));
    if (!row || row->state == SecretState::deleted)
        return fail(
            Errc::not_found,
            "there is no credential or secret \"" + name + "\": " + how_to_set(name));
    if (row->state == SecretState::revoked)
        return fail(Errc::not_found, "secret \"" + name + "\" was revoked: " + how_to_set(name));
    if (row->value.empty())
        return fail(
            Errc::not_found, "what secret \"" + name + "\" was is lost: " + how_to_set(name));
    KHEISH_TRY(const govern::MasterKey key, key_of(row->master_key));
    Result<Secret> value =
        govern::open(key, purpose(*row), {row->value, row->data_key, row->master_key});
    if (!value)
        return fail(std::move(value).error().wrap("secret \"" + name + "\""));
    return value;
}

Result<std::vector<SecretRow>> Secrets::rows() const {
    std::vector<SecretRow> all;
    journal::PageRequest request{.after = {}, .limit = journal::kPageLimit};
    for (;;) {
        KHEISH_TRY(journal::Page<SecretRow> page, journal_.secrets(request));
        for (SecretRow& row : page.items)
            all.push_back(std::move(row));
        if (!page.has_more)
            return all;
        request.after = page.next;
    }
}

Result<std::optional<SecretRow>> Secrets::known(const std::string& name) const {
    Result<SecretRow> row = journal_.secret(name);
    if (row)
        return std::optional(*std::move(row));
    if (row.error().code != Errc::not_found)
        return fail(row.error());
    return std::nullopt;
}

/// Opened as nothing else: not in another journal, not as another version.
std::string Secrets::purpose(const SecretRow& row) const {
    return "secret " + row.name + " version " + std::to_string(row.version) + " of journal " +
           to_hex(journal_.instance_id());
}

// --- master keys
// ----------------------------------------------------------------------------------

Result<govern::MasterKey> Secrets::master_key(std::string_view credential) const {
    const std::string name(credential);
    Result<Secret> text = given_.read(name);
    if (!text && text.error().code == Errc::not_found)
        return fail(
            Errc::service_unavailable,
            "secrets need a master key, which kheish.service gets as the systemd credential " +
                name + ": `kheishctl secrets generate | systemd-creds encrypt --name=" + name +
                " - /etc/credstore.encrypted/" + name + "`, LoadCredentialEncrypted=" + name +
                " in a drop-in, and a restart");
    if (!text)
        return fail(text.error());
    Result<govern::MasterKey> key = govern::MasterKey::parse(text->reveal());
    if (!key)
        return fail(Errc::service_unavailable, "credential " + name + ": " + key.error().message);
    return key;
}

Result<govern::MasterKey> Secrets::key_of(const std::string& id) const {
    Result<govern::MasterKey> current = master_key(kMasterKey);
    if (current && current->id() == id)
        return current;
    Result<govern::MasterKey> next = master_key(kNextMasterKey);
    if (next && next->id() == id)
        return next;
    if (!current)
        return fail(current.error());
    return fail(
        Errc::service_unavailable,
        "the secrets are sealed with the master key " + id + ", and the service was given " +
            current->id() + ": give it the one before, or revoke the secrets and give them anew");
}

/// All lie under the same one, so that what is new goes where the others are.
Result<govern::MasterKey> Secrets::sealing_key() const {
    KHEISH_TRY(const std::vector<SecretRow> all, rows());
    for (const SecretRow& row : all)
        if (!row.master_key.empty())
            return key_of(row.master_key);
    return master_key(kMasterKey);
}

// --- views
// ----------------------------------------------------------------------------------------

Json Secrets::view_of(const SecretRow& row) const {
    Json routes = Json::array();
    if (users_)
        for (const std::string& route : users_(row.name))
            routes.append(Json(route));
    const bool is_lost = row.state == SecretState::stored && row.value.empty();
    const std::string state(is_lost ? "lost" : word(row.state));
    return Json::object({
        {"slot_id", row.name},
        {"provider", "generic"},
        {"mode", "opaque_secret"},
        {"summary", state + ", version " + std::to_string(row.version)},
        {"updated_at_ms", to_milliseconds(row.updated_us)},
        {"details",
         Json::object(
             {{"state", state},
              {"version", row.version},
              {"updated_by", row.updated_by},
              {"created_at_ms", to_milliseconds(row.created_us)},
              {"master_key", row.master_key},
              {"routes", std::move(routes)}})},
    });
}

Result<Json> Secrets::view() const {
    KHEISH_TRY(const std::vector<SecretRow> all, rows());
    Json views = Json::array();
    for (const SecretRow& row : all)
        if (row.state != SecretState::deleted)
            views.append(view_of(row));
    return views;
}

Result<Json> Secrets::view_of(const std::string& name) const {
    KHEISH_TRY(const std::optional<SecretRow> row, known(name));
    if (!row || row->state == SecretState::deleted)
        return fail(Errc::not_found, "there is no secret \"" + name + "\"");
    return view_of(*row);
}

// --- changes
// --------------------------------------------------------------------------------------

Status Secrets::check_changeable(const std::string& name) const {
    if (rotating_ || changing_.contains(name))
        return fail(Errc::conflict, "secret \"" + name + "\" is being changed");
    return {};
}

void Secrets::set(const Caller& caller, SetSecret request, Responder<Json> responder) {
    store(caller, request.name, request.value, {}, std::move(responder));
}

void Secrets::import(const Caller& caller, const ImportSecret& request, Responder<Json> responder) {
    if (request.credential == kMasterKey || request.credential == kNextMasterKey)
        return responder.fail(Errc::forbidden, "a master key is no secret to be imported");
    const Result<Secret> given = given_.read(request.credential);
    if (!given)
        return responder.fail(given.error());
    const Result<Secret> value = check_secret_value(*given);
    if (!value)
        return responder.fail(value.error());
    store(caller, request.name, *value, request.credential, std::move(responder));
}

void Secrets::store(
    const Caller& caller,
    const std::string& name,
    const Secret& value,
    std::string source,
    Responder<Json> responder) {
    Status may = check_changeable(name);
    if (may && given_.read(name).has_value())
        may = fail(
            Errc::conflict,
            "systemd gives the service a credential \"" + name +
                "\", which comes first: take another name, or take it out of the service");
    const Result<govern::MasterKey> key =
        may ? sealing_key() : Result<govern::MasterKey>(fail(may.error()));
    const Result<std::vector<SecretRow>> all = rows();
    const Result<std::optional<SecretRow>> before = known(name);
    if (!key || !all || !before)
        return responder.fail(!key ? key.error() : !all ? all.error() : before.error());
    if (!*before && all->size() + changing_.size() >= kLimit)
        return responder.fail(
            Errc::conflict, "there are " + std::to_string(kLimit) + " secrets, as many as may be");
    Change change;
    change.event = event_of(
        caller,
        engine::SecretStored{
            .name = name,
            .version = *before ? (*before)->version + 1 : 1,
            .source = std::move(source)});
    Result<SecretRow> row = follow_secret(*before, change.event);
    if (!row)
        return responder.fail(row.error());
    Result<govern::SealedSecret> sealed = govern::seal(*key, purpose(*row), value, entropy_);
    if (!sealed)
        return responder.fail(sealed.error());
    change.row = *std::move(row);
    change.row.value = std::move(sealed->value);
    change.row.data_key = std::move(sealed->data_key);
    change.row.master_key = std::move(sealed->master_key);
    commit(std::move(change), std::move(responder));
}

void Secrets::revoke(const Caller& caller, const NameSecret& request, Responder<Json> responder) {
    end(caller,
        request.name,
        engine::SecretRevoked{.name = request.name, .reason = request.reason},
        std::move(responder));
}

void Secrets::remove(const Caller& caller, const NameSecret& request, Responder<Json> responder) {
    const std::vector<std::string> routes =
        users_ ? users_(request.name) : std::vector<std::string>();
    if (!routes.empty())
        return responder.fail(
            Errc::conflict,
            "route " + routes.front() + " needs secret \"" + request.name +
                "\": take it out of routes.toml first, or revoke it");
    end(caller,
        request.name,
        engine::SecretDeleted{.name = request.name, .reason = request.reason},
        std::move(responder));
}

void Secrets::end(
    const Caller& caller,
    const std::string& name,
    engine::EventBody body,
    Responder<Json> responder) {
    if (const Status may = check_changeable(name); !may)
        return responder.fail(may.error());
    const Result<std::optional<SecretRow>> before = known(name);
    if (!before)
        return responder.fail(before.error());
    if (!*before || (*before)->state == SecretState::deleted)
        return responder.fail(Errc::not_found, "there is no secret \"" + name + "\"");
    Change change{.event = event_of(caller, std::move(body)), .row = {}, .gone = true};
    Result<SecretRow> row = follow_secret(*before, change.event);
    if (!row)
        return responder.fail(Errc::conflict, "secret \"" + name + "\" has been revoked");
    change.row = *std::move(row);
    commit(std::move(change), std::move(responder));
}

engine::Event Secrets::event_of(const Caller& caller, engine::EventBody body) const {
    engine::Event event;
    event.at_us = clock_.now().wall_us;
    event.authority = caller.authority();
    event.body = std::move(body);
    return event;
}

void Secrets::commit(Change change, Responder<Json> responder) {
    changing_.insert(change.row.name);
    journal::Write write;
    write.events.push_back(to_new_event(change.event));
    write.rows.emplace_back(change.row);
    journal_.submit(
        std::move(write),
        Responder<journal::Committed>(
            [this,
             alive = std::weak_ptr<void>(alive_),
             change = std::move(change),
             responder = std::move(responder)](const Result<journal::Committed>& done) mutable {
                if (alive.expired())
                    responder.fail(Errc::journal_unavailable, "kheishd has ended");
                else
                    finish(std::move(change), done, responder);
            }));
}

void Secrets::finish(
    Change change, const Result<journal::Committed>& done, Responder<Json>& responder) {
    changing_.erase(change.row.name);
    if (!done)
        return responder.fail(done.error());
    change.event.seq = done->first;
    if (announce_)
        announce_({change.event});
    if (on_change_)
        on_change_(change.row.name, change.gone);
    responder.answer(view_of(change.row));
}

} // namespace kheish::control
