#include "govern/signing_key.hpp"

#include "base/text.hpp"
#include "codec/digest.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

namespace kheish::govern {

namespace {

constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kSignatureBytes = 64;
constexpr std::size_t kIdBytes = 4;
constexpr std::size_t kNameLimit = 256;
constexpr char kEd25519 = 1; ///< the algorithm's number in signed notes
constexpr std::string_view kPrivatePrefix = "PRIVATE+KEY+";

struct Release {
    void operator()(gnutls_privkey_t key) const noexcept { gnutls_privkey_deinit(key); }
    void operator()(gnutls_pubkey_t key) const noexcept { gnutls_pubkey_deinit(key); }
};
using PrivateKey = std::unique_ptr<std::remove_pointer_t<gnutls_privkey_t>, Release>;
using PublicKey = std::unique_ptr<std::remove_pointer_t<gnutls_pubkey_t>, Release>;

/// Memory that the library gave.
class Datum {
  public:
    Datum() = default;
    Datum(const Datum&) = delete;
    Datum& operator=(const Datum&) = delete;
    ~Datum() { gnutls_free(datum_.data); }

    gnutls_datum_t* get() { return &datum_; }
    std::string text() const { return {reinterpret_cast<const char*>(datum_.data), datum_.size}; }

  private:
    gnutls_datum_t datum_{};
};

/// `text` for the library, which does not change it.
gnutls_datum_t view_of(std::string_view text) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): its type knows no const
    auto* bytes = const_cast<char*>(text.data());
    return {reinterpret_cast<unsigned char*>(bytes), static_cast<unsigned int>(text.size())};
}

tl::unexpected<Error> library_error(const std::string& what, int code) {
    return fail(Errc::internal, what + ": " + gnutls_strerror(code));
}

Result<PrivateKey> private_key(const std::string& seed, const std::string& public_bytes) {
    gnutls_privkey_t raw = nullptr;
    if (const int made = gnutls_privkey_init(&raw); made < 0)
        return library_error("making a key", made);
    PrivateKey key(raw);
    const gnutls_datum_t x = view_of(public_bytes);
    const gnutls_datum_t k = view_of(seed);
    const int imported =
        gnutls_privkey_import_ecc_raw(raw, GNUTLS_ECC_CURVE_ED25519, &x, nullptr, &k);
    if (imported < 0)
        return library_error("taking a signing key", imported);
    return key;
}

std::string id_of(const std::string& name, const std::string& public_bytes) {
    const codec::Digest digest = codec::sha256(name + "\n" + kEd25519 + public_bytes);
    return {reinterpret_cast<const char*>(digest.bytes.data()), kIdBytes};
}

std::string hex_of(std::string_view bytes) {
    return to_hex(std::as_bytes(std::span(bytes)));
}

struct KeyText {
    std::string name;
    std::string id;
    std::string bytes; ///< without the algorithm
};

/// "NAME+ID+BASE64" with `count` bytes of key in it.
Result<KeyText> split(std::string_view text, std::size_t count) {
    // Base64 may hold "+" too, the name and the id do not.
    const std::size_t first = text.find('+');
    const std::size_t second = first == std::string_view::npos ? first : text.find('+', first + 1);
    if (second == std::string_view::npos)
        return fail(Errc::bad_request, "a key is written NAME+ID+BASE64");
    KeyText key;
    key.name = text.substr(0, first);
    key.id = text.substr(first + 1, second - first - 1);
    const std::string_view encoded = text.substr(second + 1);
    const Result<std::string> bytes = codec::base64_decode(encoded);
    if (!is_key_name(key.name))
        return fail(Errc::bad_request, "a key's name has no spaces and is not empty");
    if (!bytes || bytes->size() != count + 1 || bytes->front() != kEd25519 ||
        codec::base64_encode(*bytes) != encoded)
        return fail(Errc::bad_request, "this is no Ed25519 key");
    key.bytes = bytes->substr(1);
    return key;
}

} // namespace

bool is_key_name(std::string_view name) {
    return !name.empty() && name.size() <= kNameLimit &&
           std::all_of(
               name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f && c != '+'; });
}

VerifyingKey::VerifyingKey(std::string name, std::string public_bytes)
    : name_(std::move(name)), public_bytes_(std::move(public_bytes)) {}

Result<VerifyingKey> VerifyingKey::parse(std::string_view text) {
    KHEISH_TRY(KeyText key, split(text, kKeyBytes));
    VerifyingKey parsed(std::move(key.name), std::move(key.bytes));
    if (hex_of(parsed.id()) != key.id)
        return fail(Errc::bad_request, "the key's id does not belong to its name and bytes");
    return parsed;
}

std::string VerifyingKey::to_text() const {
    return label() + "+" + codec::base64_encode(kEd25519 + public_bytes_);
}

std::string VerifyingKey::label() const {
    return name_ + "+" + hex_of(id());
}

std::string VerifyingKey::id() const {
    return id_of(name_, public_bytes_);
}

bool VerifyingKey::verify(std::string_view data, std::string_view signature) const {
    gnutls_pubkey_t raw = nullptr;
    if (signature.size() != kSignatureBytes || gnutls_pubkey_init(&raw) < 0)
        return false;
    const PublicKey key(raw);
    const gnutls_datum_t x = view_of(public_bytes_);
    if (gnutls_pubkey_import_ecc_raw(raw, GNUTLS_ECC_CURVE_ED25519, &x, nullptr) < 0)
        return false;
    const gnutls_datum_t message = view_of(data);
    const gnutls_datum_t made = view_of(signature);
    return gnutls_pubkey_verify_data2(raw, GNUTLS_SIGN_EDDSA_ED25519, 0, &message, &made) >= 0;
}

Result<SigningKey> SigningKey::generate(std::string name) {
    if (!is_key_name(name))
        return fail(Errc::invalid_argument, "\"" + name + "\" cannot be a key's name");
    gnutls_privkey_t raw = nullptr;
    if (const int made = gnutls_privkey_init(&raw); made < 0)
        return library_error("making a key", made);
    const PrivateKey key(raw);
    const int made = gnutls_privkey_generate(
        raw, GNUTLS_PK_EDDSA_ED25519, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_ED25519), 0);
    if (made < 0)
        return library_error("making a key", made);
    gnutls_ecc_curve_t curve{};
    Datum x;
    Datum k;
    const int exported = gnutls_privkey_export_ecc_raw(raw, &curve, x.get(), nullptr, k.get());
    if (exported < 0)
        return library_error("writing a key", exported);
    return SigningKey(std::move(name), k.text(), x.text());
}

Result<SigningKey> SigningKey::parse(std::string_view text) {
    if (!text.starts_with(kPrivatePrefix))
        return fail(Errc::bad_request, "this is no signing key");
    KHEISH_TRY(KeyText key, split(text.substr(kPrivatePrefix.size()), 2 * kKeyBytes));
    SigningKey parsed(
        std::move(key.name), key.bytes.substr(0, kKeyBytes), key.bytes.substr(kKeyBytes));
    if (hex_of(id_of(parsed.name_, parsed.public_bytes_)) != key.id)
        return fail(Errc::bad_request, "the key's id does not belong to its name and bytes");
    const Result<std::string> signature = parsed.sign(key.name);
    if (!signature || !parsed.verifying_key().verify(key.name, *signature))
        return fail(Errc::bad_request, "the two halves of the key do not belong together");
    return parsed;
}

std::string SigningKey::to_text() const {
    return std::string(kPrivatePrefix) + name_ + "+" + hex_of(id_of(name_, public_bytes_)) + "+" +
           codec::base64_encode(kEd25519 + seed_ + public_bytes_);
}

Result<std::string> SigningKey::sign(std::string_view data) const {
    KHEISH_TRY(const PrivateKey key, private_key(seed_, public_bytes_));
    const gnutls_datum_t message = view_of(data);
    Datum signature;
    const int made = gnutls_privkey_sign_data2(
        key.get(), GNUTLS_SIGN_EDDSA_ED25519, 0, &message, signature.get());
    if (made < 0)
        return library_error("signing", made);
    return signature.text();
}

} // namespace kheish::govern
