#pragma once

#include "base/assert.hpp"

#include <array>
#include <optional>
#include <string_view>

/// Enumerators that count from 0 and their words, in the same order. Private to engine/.
namespace kheish::engine::detail {

template <class Enum, std::size_t Size>
std::string_view word_of(const std::array<std::string_view, Size>& words, Enum value) {
    const std::size_t index = static_cast<std::size_t>(value);
    KHEISH_ASSERT(index < Size);
    return words[index];
}

template <class Enum, std::size_t Size>
std::optional<Enum>
value_of(const std::array<std::string_view, Size>& words, std::string_view text) {
    for (std::size_t index = 0; index < Size; ++index)
        if (words[index] == text)
            return static_cast<Enum>(index);
    return std::nullopt;
}

} // namespace kheish::engine::detail
