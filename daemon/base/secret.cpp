#include "base/secret.hpp"

#include <cstring>
#include <utility>

namespace kheish {

Secret Secret::take(std::string& text) {
    Secret secret{std::string_view(text)};
    kheish::wipe(text);
    return secret;
}

Secret& Secret::operator=(Secret&& other) noexcept {
    if (this != &other) {
        wipe();
        bytes_ = std::exchange(other.bytes_, {});
    }
    return *this;
}

void Secret::wipe() {
    if (!bytes_.empty())
        ::explicit_bzero(bytes_.data(), bytes_.size());
    bytes_.clear();
}

void wipe(std::string& text) {
    ::explicit_bzero(text.data(), text.size());
    text.clear();
}

} // namespace kheish
