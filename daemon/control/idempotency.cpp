#include "control/idempotency.hpp"

#include "control/requests.hpp"

#include <utility>

namespace kheish::control {

namespace {

bool is_printable(std::string_view text) {
    for (const char c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
            return false;
    return true;
}

} // namespace

Result<std::optional<std::string>>
read_idempotency_key(std::optional<std::string> member, std::optional<std::string> header) {
    if (member && header && *member != *header)
        return fail(
            Errc::invalid_idempotency_key,
            "the Idempotency-Key header and the member idempotency_key differ");
    std::optional<std::string> key = member ? std::move(member) : std::move(header);
    if (!key)
        return key;
    if (key->empty() || key->size() > kIdempotencyKeyLimitBytes || !is_printable(*key))
        return fail(
            Errc::invalid_idempotency_key,
            "an idempotency key has 1 to " + std::to_string(kIdempotencyKeyLimitBytes) +
                " printable characters");
    return key;
}

std::optional<journal::IdempotencyReceipt> receipt_of(
    const std::optional<std::string>& key,
    const Caller& caller,
    std::string_view operation,
    const codec::Json& print,
    RunId run,
    std::int64_t now_us) {
    if (!key)
        return std::nullopt;
    journal::IdempotencyReceipt receipt;
    receipt.scope = caller.principal.to_string() + " " + std::string(operation);
    receipt.key_digest = codec::sha256(*key);
    receipt.fingerprint = codec::sha256(codec::canonical_json(print));
    if (run)
        receipt.run = run;
    receipt.created_us = now_us;
    return receipt;
}

Result<std::optional<journal::IdempotencyReceipt>> known_receipt(
    const journal::Journal& journal, const std::optional<journal::IdempotencyReceipt>& receipt) {
    if (!receipt)
        return std::optional<journal::IdempotencyReceipt>();
    KHEISH_TRY(
        std::optional<journal::IdempotencyReceipt> known,
        journal.receipt(receipt->scope, receipt->key_digest));
    if (known && known->fingerprint != receipt->fingerprint)
        return fail(
            Errc::idempotency_conflict, "this idempotency key was used for another request");
    return known;
}

} // namespace kheish::control
