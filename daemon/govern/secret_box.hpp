#pragma once

#include "base/entropy.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"

#include <string>
#include <string_view>

/// Secrets as they lie on disk: each under a random key of its own, which lies beside it under the
/// master key. Both by AES-256-GCM (NIST SP 800-38D), bound to what they are for.
namespace kheish::govern {

/// What all secrets of a journal can be opened with. It is never in the journal.
class MasterKey {
  public:
    static constexpr std::size_t kBytes = 32;

    /// 32 bytes in base64, as generate() has them, a newline behind them or not. Errc::bad_request
    /// holds none of it.
    static Result<MasterKey> parse(std::string_view text);
    /// A new one in base64.
    static std::string generate(Entropy& entropy);

    /// Names the key and tells nothing of it: the first half of a SHA-256, in hexadecimal.
    const std::string& id() const { return id_; }
    std::string_view bytes() const { return key_.reveal(); }

  private:
    MasterKey(Secret key, std::string id) : key_(std::move(key)), id_(std::move(id)) {}

    Secret key_;
    std::string id_;
};

/// Base64 of nonce, ciphertext and tag.
struct SealedSecret {
    std::string value;      ///< under the data key
    std::string data_key;   ///< under the master key
    std::string master_key; ///< MasterKey::id()

    friend bool operator==(const SealedSecret&, const SealedSecret&) = default;
};

/// `purpose` says what the secret is for; it cannot be opened for anything else.
Result<SealedSecret>
seal(const MasterKey& master, const std::string& purpose, const Secret& value, Entropy& entropy);

/// Errc::service_unavailable where it was sealed with another key, Errc::journal_corrupt where it
/// was sealed for another purpose or a bit of it has changed.
Result<Secret>
open(const MasterKey& master, const std::string& purpose, const SealedSecret& sealed);

/// The same secret under `to`: only its data key is sealed anew. Errors as open().
Result<SealedSecret> rewrap(
    const MasterKey& from,
    const MasterKey& to,
    const std::string& purpose,
    const SealedSecret& sealed,
    Entropy& entropy);

} // namespace kheish::govern
