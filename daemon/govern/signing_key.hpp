#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>

/// Ed25519 (RFC 8032) keys with a name, as signed notes have them (C2SP signed-note): a name is no
/// secret, is not empty and holds neither space nor "+".
namespace kheish::govern {

/// Whether `name` may be a key's.
bool is_key_name(std::string_view name);

/// What signatures are checked with.
class VerifyingKey {
  public:
    /// "NAME+HHHHHHHH+BASE64": the name, the id in hexadecimal, 0x01 and the 32 bytes of the key.
    /// Errc::bad_request says what is wrong.
    static Result<VerifyingKey> parse(std::string_view text);
    VerifyingKey(std::string name, std::string public_bytes);

    std::string to_text() const;
    /// Its beginning, "NAME+HHHHHHHH": what a person tells keys apart by.
    std::string label() const;
    const std::string& name() const { return name_; }
    /// The first four bytes of SHA-256 of the name, a newline, 0x01 and the key: bytes, as a note
    /// has them before the signature.
    std::string id() const;
    bool verify(std::string_view data, std::string_view signature) const;
    friend bool operator==(const VerifyingKey&, const VerifyingKey&) = default;

  private:
    std::string name_;
    std::string public_bytes_;
};

/// What signatures are made with. Its text is a secret.
class SigningKey {
  public:
    static Result<SigningKey> generate(std::string name);
    /// What to_text() gave.
    static Result<SigningKey> parse(std::string_view text);

    std::string to_text() const;
    VerifyingKey verifying_key() const { return {name_, public_bytes_}; }
    /// 64 bytes.
    Result<std::string> sign(std::string_view data) const;

  private:
    SigningKey(std::string name, std::string seed, std::string public_bytes)
        : name_(std::move(name)), seed_(std::move(seed)), public_bytes_(std::move(public_bytes)) {}

    std::string name_;
    std::string seed_;
    std::string public_bytes_;
};

} // namespace kheish::govern
