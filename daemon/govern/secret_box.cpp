#include "govern/secret_box.hpp"

#include "base/handle.hpp"
#include "codec/digest.hpp"

#include <array>
#include <span>
#include <utility>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

namespace kheish::govern {

namespace {

constexpr gnutls_cipher_algorithm_t kCipher = GNUTLS_CIPHER_AES_256_GCM;
constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;
constexpr std::string_view kIdPrefix = "kheish secrets master key";
constexpr std::size_t kIdDigits = 32;
// A data key is of no use as a value, nor the other way round.
constexpr std::string_view kValueLabel = "value of ";
constexpr std::string_view kKeyLabel = "data key of ";

/// A cipher with its key; closed when it goes.
class Cipher {
  public:
    explicit Cipher(std::string_view key) {
        std::string bytes(key); // GnuTLS takes no pointer to const
        const gnutls_datum_t datum{
            reinterpret_cast<unsigned char*>(bytes.data()), static_cast<unsigned>(bytes.size())};
        result_ = gnutls_aead_cipher_init(&handle_, kCipher, &datum);
        wipe(bytes);
    }
    ~Cipher() {
        if (result_ >= 0)
            gnutls_aead_cipher_deinit(handle_);
    }
    Cipher(const Cipher&) = delete;
    Cipher& operator=(const Cipher&) = delete;

    Result<std::string>
    encrypt(const std::string& label, std::string_view plain, Entropy& entropy) const {
        std::string out(kNonceBytes + plain.size() + kTagBytes, '\0');
        entropy.fill(std::as_writable_bytes(std::span(out).first(kNonceBytes)));
        std::size_t written = out.size() - kNonceBytes;
        int result = result_;
        if (result >= 0)
            result = gnutls_aead_cipher_encrypt(
                handle_,
                out.data(),
                kNonceBytes,
                label.data(),
                label.size(),
                kTagBytes,
                plain.data(),
                plain.size(),
                out.data() + kNonceBytes,
                &written);
        if (result < 0)
            return fail(
                Errc::internal, std::string("sealing a secret: ") + gnutls_strerror(result));
        return out;
    }

    Result<Secret> decrypt(const std::string& label, const std::string& sealed) const {
        if (sealed.size() < kNonceBytes + kTagBytes)
            return fail(Errc::journal_corrupt, "a sealed secret is cut short");
        std::string plain(sealed.size() - kNonceBytes - kTagBytes + 1, '\0');
        std::size_t written = plain.size();
        int result = result_;
        if (result >= 0)
            result = gnutls_aead_cipher_decrypt(
                handle_,
                sealed.data(),
                kNonceBytes,
                label.data(),
                label.size(),
                kTagBytes,
                sealed.data() + kNonceBytes,
                sealed.size() - kNonceBytes,
                plain.data(),
                &written);
        if (result < 0) {
            wipe(plain);
            return fail(
                Errc::journal_corrupt, "a sealed secret was changed, or sealed for something else");
        }
        plain.resize(written);
        return Secret::take(plain);
    }

  private:
    gnutls_aead_cipher_hd_t handle_ = nullptr;
    int result_ = 0;
};

std::string label(std::string_view what, const std::string& purpose) {
    return std::string(what) + purpose;
}

Result<Secret>
open_data_key(const MasterKey& master, const std::string& purpose, const SealedSecret& sealed) {
    if (sealed.master_key != master.id())
        return fail(
            Errc::service_unavailable,
            "it was sealed with the master key " + sealed.master_key + ", which is not there");
    KHEISH_TRY(const std::string bytes, codec::base64_decode(sealed.data_key));
    return Cipher(master.bytes()).decrypt(label(kKeyLabel, purpose), bytes);
}

} // namespace

Result<MasterKey> MasterKey::parse(std::string_view text) {
    while (text.ends_with('\n'))
        text.remove_suffix(1);
    Result<std::string> bytes = codec::base64_decode(text);
    if (!bytes || bytes->size() != kBytes) {
        if (bytes)
            wipe(*bytes);
        return fail(
            Errc::bad_request,
            "a master key is 32 bytes in base64, as `kheishctl secrets generate` prints one");
    }
    std::string id = codec::sha256(std::string(kIdPrefix) + *bytes).to_hex().substr(0, kIdDigits);
    return MasterKey(Secret::take(*bytes), std::move(id));
}

std::string MasterKey::generate(Entropy& entropy) {
    std::array<std::byte, kBytes> bytes{};
    entropy.fill(bytes);
    return codec::base64_encode({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

Result<SealedSecret>
seal(const MasterKey& master, const std::string& purpose, const Secret& value, Entropy& entropy) {
    std::string key(MasterKey::kBytes, '\0');
    entropy.fill(std::as_writable_bytes(std::span(key)));
    const Secret data_key = Secret::take(key);
    KHEISH_TRY(
        const std::string sealed_value,
        Cipher(data_key.reveal()).encrypt(label(kValueLabel, purpose), value.reveal(), entropy));
    KHEISH_TRY(
        const std::string sealed_key,
        Cipher(master.bytes()).encrypt(label(kKeyLabel, purpose), data_key.reveal(), entropy));
    return SealedSecret{
        .value = codec::base64_encode(sealed_value),
        .data_key = codec::base64_encode(sealed_key),
        .master_key = master.id()};
}

Result<Secret>
open(const MasterKey& master, const std::string& purpose, const SealedSecret& sealed) {
    KHEISH_TRY(const Secret data_key, open_data_key(master, purpose, sealed));
    KHEISH_TRY(const std::string bytes, codec::base64_decode(sealed.value));
    return Cipher(data_key.reveal()).decrypt(label(kValueLabel, purpose), bytes);
}

Result<SealedSecret> rewrap(
    const MasterKey& from,
    const MasterKey& to,
    const std::string& purpose,
    const SealedSecret& sealed,
    Entropy& entropy) {
    KHEISH_TRY(const Secret data_key, open_data_key(from, purpose, sealed));
    KHEISH_TRY(
        const std::string wrapped,
        Cipher(to.bytes()).encrypt(label(kKeyLabel, purpose), data_key.reveal(), entropy));
    return SealedSecret{
        .value = sealed.value, .data_key = codec::base64_encode(wrapped), .master_key = to.id()};
}

} // namespace kheish::govern
