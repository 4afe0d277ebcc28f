#include "codec/digest.hpp"

#include "base/assert.hpp"
#include "base/text.hpp"

#include <gnutls/gnutls.h>

namespace kheish::codec {

namespace {

std::optional<unsigned> hex_value(char c) {
    if (c >= '0' && c <= '9')
        return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f')
        return static_cast<unsigned>(c - 'a') + 10U;
    return std::nullopt;
}

struct ReleaseData {
    void operator()(unsigned char* data) const noexcept { gnutls_free(data); }
};
using Datum = std::unique_ptr<unsigned char, ReleaseData>;

gnutls_datum_t datum_of(std::string_view data) {
    // gnutls_datum_t has no const variant; the functions used here only read it.
    return {
        const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(data.data())),
        static_cast<unsigned>(data.size())};
}

} // namespace

std::string Digest::to_hex() const {
    return kheish::to_hex(bytes);
}

std::optional<Digest> Digest::parse(std::string_view hex) {
    Digest digest;
    if (hex.size() != digest.bytes.size() * 2)
        return std::nullopt;
    for (std::size_t i = 0; i < digest.bytes.size(); ++i) {
        const std::optional<unsigned> high = hex_value(hex[2 * i]);
        const std::optional<unsigned> low = hex_value(hex[2 * i + 1]);
        if (!high || !low)
            return std::nullopt;
        digest.bytes[i] = static_cast<std::byte>((*high << 4U) | *low);
    }
    return digest;
}

Digest sha256(std::string_view data) {
    Digest digest;
    const int result =
        gnutls_hash_fast(GNUTLS_DIG_SHA256, data.data(), data.size(), digest.bytes.data());
    KHEISH_ASSERT(result == 0);
    return digest;
}

void Sha256::Release::operator()(gnutls_hash_hd_t hash) const noexcept {
    gnutls_hash_deinit(hash, nullptr);
}

Sha256::Sha256() {
    gnutls_hash_hd_t hash = nullptr;
    const int result = gnutls_hash_init(&hash, GNUTLS_DIG_SHA256);
    KHEISH_ASSERT(result == 0);
    hash_.reset(hash);
}

void Sha256::update(std::string_view data) {
    const int result = gnutls_hash(hash_.get(), data.data(), data.size());
    KHEISH_ASSERT(result == 0);
}

Digest Sha256::finish() {
    Digest digest;
    gnutls_hash_output(hash_.get(), digest.bytes.data());
    return digest;
}

BlobRef blob_ref(std::string_view data) {
    return {.digest = sha256(data), .size_bytes = static_cast<std::int64_t>(data.size())};
}

std::string base64_encode(std::string_view data) {
    const gnutls_datum_t input = datum_of(data);
    gnutls_datum_t output{};
    const int result = gnutls_base64_encode2(&input, &output);
    KHEISH_ASSERT(result == 0);
    const Datum owner(output.data);
    return {reinterpret_cast<const char*>(output.data), output.size};
}

Result<std::string> base64_decode(std::string_view text) {
    if (text.empty())
        return std::string();
    const gnutls_datum_t input = datum_of(text);
    gnutls_datum_t output{};
    if (gnutls_base64_decode2(&input, &output) != 0)
        return fail(Errc::bad_request, "not base64 (RFC 4648)");
    const Datum owner(output.data);
    return std::string(reinterpret_cast<const char*>(output.data), output.size);
}

std::string base64url_encode(std::string_view data) {
    std::string text = base64_encode(data);
    text.erase(text.find_last_not_of('=') + 1);
    for (char& c : text)
        c = c == '+' ? '-' : (c == '/' ? '_' : c);
    return text;
}

Result<std::string> base64url_decode(std::string_view text) {
    if (text.find_first_of("+/=") != std::string_view::npos)
        return fail(Errc::bad_request, "not base64url without padding (RFC 4648)");
    std::string padded(text);
    for (char& c : padded)
        c = c == '-' ? '+' : (c == '_' ? '/' : c);
    padded.append((4 - padded.size() % 4) % 4, '=');
    return base64_decode(padded);
}

} // namespace kheish::codec
