#include "control/tokens.hpp"

#include "control/conversions.hpp"
#include "control/token_projection.hpp"
#include "control/views.hpp"

#include <algorithm>
#include <utility>

#include <gnutls/gnutls.h>

namespace kheish::control {

using codec::Json;
using journal::TokenRow;

Tokens::Tokens(Outside outside, Announce announce)
    : outside_(outside), announce_(std::move(announce)) {}

Status Tokens::load() {
    journal::PageRequest request{.after = {}, .limit = journal::kPageLimit};
    for (;;) {
        KHEISH_TRY(journal::Page<TokenRow> page, outside_.journal.tokens(request));
        for (TokenRow& row : page.items) {
            if (!parse_role(row.role))
                return fail(
                    Errc::journal_corrupt, "token " + row.name + " has the role " + row.role);
            std::string name = row.name;
            live_.emplace(std::move(name), std::move(row));
        }
        if (!page.has_more)
            break;
        request.after = page.next;
    }
    on_expiry();
    return {};
}

bool Tokens::is_expired(const TokenRow& row) const {
    return row.expires_us && *row.expires_us <= outside_.clock.now().wall_us;
}

Result<Caller> Tokens::authenticate(std::string_view secret) const {
    const codec::Digest digest = codec::sha256(secret);
    const TokenRow* found = nullptr;
    // All of them, each to its end: neither which one nor how much of it was right shows in time.
    for (const auto& [name, row] : live_)
        if (gnutls_memcmp(row.digest.bytes.data(), digest.bytes.data(), digest.bytes.size()) == 0)
            found = &row;
    if (found == nullptr || is_expired(*found))
        return fail(
            Errc::invalid_token,
            "nobody's token: it never was one, has expired or was revoked; an administrator makes "
            "another with `kheishctl tokens create`");
    return Caller::token(found->name, *parse_role(found->role));
}

Json Tokens::view_of(const TokenRow& row) const {
    Json view = Json::object({
        {"name", row.name},
        {"role", row.role},
        {"state",
         row.revoked_us    ? "revoked"
         : is_expired(row) ? "expired"
                           : "active"},
        {"created_at_ms", to_milliseconds(row.created_us)},
        {"created_by", row.created_by},
    });
    for (const auto& [key, moment] :
         {std::pair{"rotated_at_ms", row.rotated_us},
          std::pair{"expires_at_ms", row.expires_us},
          std::pair{"revoked_at_ms", row.revoked_us}})
        if (moment)
            view.set(key, to_milliseconds(*moment));
    return view;
}

Json Tokens::view() const {
    std::vector<const TokenRow*> rows;
    for (const auto& [name, row] : live_)
        rows.push_back(&row);
    std::sort(rows.begin(), rows.end(), [](const TokenRow* left, const TokenRow* right) {
        return std::pair(left->created_us, left->name) < std::pair(right->created_us, right->name);
    });
    Json views = Json::array();
    for (const TokenRow* row : rows)
        views.append(view_of(*row));
    return views;
}

// --- changes
// --------------------------------------------------------------------------------------

std::string Tokens::new_secret() {
    return std::string(kSecretPrefix) + outside_.entropy.hex(kSecretBytes);
}

std::optional<std::int64_t>
Tokens::expiry_of(const std::optional<std::chrono::milliseconds>& lifetime) const {
    if (!lifetime)
        return std::nullopt;
    return outside_.clock.now().wall_us + std::chrono::microseconds(*lifetime).count();
}

Status Tokens::check_new(const std::string& name) const {
    if (changing_.contains(name))
        return fail(Errc::conflict, "token " + name + " is being made or changed");
    const Result<TokenRow> known = outside_.journal.token(name);
    if (known)
        return fail(
            Errc::conflict,
            known->revoked_us ? "there was a token " + name +
                                    ", and what it has made is its own: take another name"
                              : "there is a token " + name + ": rotate it, or take another name");
    if (known.error().code != Errc::not_found)
        return fail(known.error());
    if (live_.size() + changing_.size() >= kLiveLimit)
        return fail(
            Errc::conflict,
            "there are " + std::to_string(kLiveLimit) + " tokens: revoke one that is not needed");
    return {};
}

Result<TokenRow> Tokens::live(const std::string& name) const {
    if (changing_.contains(name))
        return fail(Errc::conflict, "token " + name + " is being made or changed");
    const auto found = live_.find(name);
    if (found != live_.end())
        return found->second;
    KHEISH_CHECK(outside_.journal.token(name));
    return fail(Errc::conflict, "token " + name + " has been revoked");
}

void Tokens::create(const Caller& caller, const CreateToken& request, Responder<Json> responder) {
    if (const Status status = check_new(request.name); !status)
        return responder.fail(status.error());
    std::string secret = new_secret();
    engine::TokenCreated created;
    created.name = request.name;
    created.role = to_string(request.role);
    created.digest = codec::sha256(secret);
    created.expires_us = expiry_of(request.expires_after);
    commit(caller, std::move(created), std::nullopt, std::move(secret), std::move(responder));
}

void Tokens::rotate(const Caller& caller, const RotateToken& request, Responder<Json> responder) {
    Result<TokenRow> known = live(request.name);
    if (!known)
        return responder.fail(known.error());
    std::string secret = new_secret();
    engine::TokenRotated rotated;
    rotated.name = request.name;
    rotated.digest = codec::sha256(secret);
    rotated.expires_us = expiry_of(request.expires_after);
    commit(caller, std::move(rotated), *std::move(known), std::move(secret), std::move(responder));
}

void Tokens::revoke(const Caller& caller, const RevokeToken& request, Responder<Json> responder) {
    Result<TokenRow> known = live(request.name);
    if (!known)
        return responder.fail(known.error());
    engine::TokenRevoked revoked{.name = request.name, .reason = request.reason};
    commit(caller, std::move(revoked), *std::move(known), {}, std::move(responder));
}

void Tokens::commit(
    const Caller& caller,
    engine::EventBody body,
    std::optional<TokenRow> known,
    std::string secret,
    Responder<Json> responder) {
    engine::Event event;
    event.at_us = outside_.clock.now().wall_us;
    event.authority = caller.authority();
    event.body = std::move(body);
    Result<TokenRow> row = follow_token(std::move(known), event);
    if (!row)
        return responder.fail(row.error());
    changing_.insert(row->name);
    journal::Write write;
    write.events.push_back(to_new_event(event));
    write.rows.emplace_back(*row);
    outside_.journal.submit(
        std::move(write),
        Responder<journal::Committed>(
            [this,
             alive = std::weak_ptr<void>(alive_),
             change = Change{std::move(event), *std::move(row), std::move(secret)},
             responder = std::move(responder)](const Result<journal::Committed>& done) mutable {
                if (alive.expired())
                    responder.fail(Errc::journal_unavailable, "kheishd has ended");
                else
                    finish(std::move(change), done, responder);
            }));
}

void Tokens::finish(
    Change change, const Result<journal::Committed>& done, Responder<Json>& responder) {
    const std::string name = change.row.name;
    changing_.erase(name);
    if (!done)
        return responder.fail(done.error());
    expired_.erase(name);
    const bool replaces = live_.contains(name);
    if (change.row.revoked_us)
        live_.erase(name);
    else
        live_.insert_or_assign(name, change.row);
    change.event.seq = done->first;
    announce_({change.event});
    if (replaces)
        withdraw(name);
    watch_expiry();
    Json view = view_of(change.row);
    if (!change.secret.empty())
        view.set("token", change.secret);
    responder.answer(std::move(view));
}

// --- the end of secrets
// ---------------------------------------------------------------------------

void Tokens::withdraw(const std::string& name) {
    if (on_withdrawn_)
        on_withdrawn_(Principal::token(name));
}

void Tokens::watch_expiry() {
    std::optional<std::int64_t> next;
    for (const auto& [name, row] : live_)
        if (row.expires_us && !expired_.contains(name))
            next = std::min(next.value_or(*row.expires_us), *row.expires_us);
    expiry_.reset();
    if (next)
        expiry_ = outside_.timers.start_at_wall(*next, [this] { on_expiry(); });
}

void Tokens::on_expiry() {
    std::vector<std::string> over;
    for (const auto& [name, row] : live_)
        if (is_expired(row) && expired_.insert(name).second)
            over.push_back(name);
    watch_expiry();
    for (const std::string& name : over)
        withdraw(name);
}

} // namespace kheish::control
