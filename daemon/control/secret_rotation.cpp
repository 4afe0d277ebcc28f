// Secrets from one master key to the next.

#include "control/conversions.hpp"
#include "control/secrets.hpp"

#include <utility>

namespace kheish::control {

using codec::Json;
using journal::SecretRow;

Result<std::vector<journal::Row>> Secrets::rewrapped(
    const std::vector<SecretRow>& rows, const govern::MasterKey& to, std::string& from) const {
    std::vector<journal::Row> written;
    for (const SecretRow& row : rows) {
        if (row.master_key.empty() || row.master_key == to.id())
            continue;
        from = row.master_key;
        KHEISH_TRY(const govern::MasterKey key, key_of(row.master_key));
        Result<govern::SealedSecret> sealed = govern::rewrap(
            key, to, purpose(row), {row.value, row.data_key, row.master_key}, entropy_);
        if (!sealed)
            return fail(std::move(sealed).error().wrap("secret \"" + row.name + "\""));
        SecretRow moved = row;
        moved.data_key = std::move(sealed->data_key);
        moved.master_key = std::move(sealed->master_key);
        written.emplace_back(std::move(moved));
    }
    return written;
}

void Secrets::rotate_master_key(const Caller& caller, Responder<Json> responder) {
    if (rotating_ || !changing_.empty())
        return responder.fail(Errc::conflict, "a secret is being changed: try again");
    const Result<govern::MasterKey> next = master_key(kNextMasterKey);
    const Result<std::vector<SecretRow>> all = rows();
    if (!next || !all)
        return responder.fail(next ? all.error() : next.error());
    std::string from;
    Result<std::vector<journal::Row>> written = rewrapped(*all, *next, from);
    if (!written)
        return responder.fail(written.error());
    if (written->empty())
        return responder.fail(
            Errc::conflict,
            "no secret lies under another master key than " + next->id() +
                ": give it to the "
                "service as " +
                std::string(kMasterKey) + " now");
    const auto count = static_cast<std::int64_t>(written->size());
    engine::Event event = event_of(
        caller, engine::MasterKeyRotated{.from = from, .to = next->id(), .secrets = count});
    Json answer = Json::object({{"from", from}, {"to", next->id()}, {"secrets", count}});
    journal::Write write;
    write.events.push_back(to_new_event(event));
    write.rows = *std::move(written);
    rotating_ = true;
    journal_.submit(
        std::move(write),
        Responder<journal::Committed>(
            [this,
             alive = std::weak_ptr<void>(alive_),
             event = std::move(event),
             answer = std::move(answer),
             responder = std::move(responder)](const Result<journal::Committed>& done) mutable {
                if (alive.expired())
                    return responder.fail(Errc::journal_unavailable, "kheishd has ended");
                rotating_ = false;
                if (!done)
                    return responder.fail(done.error());
                event.seq = done->first;
                if (announce_)
                    announce_({event});
                responder.answer(std::move(answer));
            }));
}

} // namespace kheish::control
