#pragma once

#include "base/result.hpp"

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include <gnutls/crypto.h>

namespace kheish::codec {

/// SHA-256 (FIPS 180-4) of some bytes; the name of a blob and the seal of a gated action.
struct Digest {
    std::array<std::byte, 32> bytes{};

    std::string to_hex() const;
    /// 64 lower-case hexadecimal digits, nothing else.
    static std::optional<Digest> parse(std::string_view hex);
    // NOLINTNEXTLINE(modernize-use-nullptr): it takes the rewritten comparison with 0 for a pointer
    friend auto operator<=>(const Digest&, const Digest&) = default;
};

Digest sha256(std::string_view data);

/// SHA-256 of data that comes in parts.
class Sha256 {
  public:
    Sha256();
    void update(std::string_view data);
    /// Ends the computation; the object is then only to be destroyed.
    Digest finish();

  private:
    struct Release {
        void operator()(gnutls_hash_hd_t hash) const noexcept;
    };
    std::unique_ptr<std::remove_pointer_t<gnutls_hash_hd_t>, Release> hash_;
};

/// Content in the journal's blob store, by what it is: two equal contents are one blob.
struct BlobRef {
    Digest digest;
    std::int64_t size_bytes = 0;

    friend bool operator==(const BlobRef&, const BlobRef&) = default;
};

/// What some content was and is to become.
struct ContentChange {
    Digest before;
    Digest after;

    friend bool operator==(const ContentChange&, const ContentChange&) = default;
};

/// A BlobRef for `data` (computed here, stored by the journal).
BlobRef blob_ref(std::string_view data);

/// RFC 4648 section 4, with padding.
std::string base64_encode(std::string_view data);
Result<std::string> base64_decode(std::string_view text);
/// RFC 4648 section 5, without padding: safe in a URL.
std::string base64url_encode(std::string_view data);
Result<std::string> base64url_decode(std::string_view text);

} // namespace kheish::codec
