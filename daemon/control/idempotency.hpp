#pragma once

#include "base/result.hpp"
#include "codec/digest.hpp"
#include "codec/json.hpp"
#include "control/caller.hpp"
#include "journal/journal.hpp"

#include <optional>
#include <string>
#include <string_view>

/// Idempotency keys: the same key names the same request, however often it is sent.
namespace kheish::control {

/// The key of a request, from its body or from its Idempotency-Key header; Errc::
/// invalid_idempotency_key where they differ, or for what is no key.
Result<std::optional<std::string>>
read_idempotency_key(std::optional<std::string> member, std::optional<std::string> header);

/// The receipt of a request of `caller` to `operation` about `run` (if it is about one), with
/// everything that makes it that request in `print`. Nothing without a key.
std::optional<journal::IdempotencyReceipt> receipt_of(
    const std::optional<std::string>& key,
    const Caller& caller,
    std::string_view operation,
    const codec::Json& print,
    RunId run,
    std::int64_t now_us);

/// What the journal has under the receipt's key; nothing where it has none, or without a receipt.
/// Errc::idempotency_conflict where the key was used for another request.
Result<std::optional<journal::IdempotencyReceipt>> known_receipt(
    const journal::Journal& journal, const std::optional<journal::IdempotencyReceipt>& receipt);

} // namespace kheish::control
