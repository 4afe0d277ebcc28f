#pragma once

#include "base/error.hpp"

#include <tl/expected.hpp>

#include <string>
#include <utility>

namespace kheish {

/// A value or an Error. tl::expected stands in for std::expected, which g++ 12 lacks in C++20.
template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

/// `return fail(Errc::bad_request, "...")` from any function that returns a Result.
[[nodiscard]] inline tl::unexpected<Error> fail(Errc code, std::string message) {
    return tl::unexpected<Error>(Error{.code = code, .message = std::move(message)});
}

[[nodiscard]] inline tl::unexpected<Error> fail(Error error) {
    return tl::unexpected<Error>(std::move(error));
}

/// `return fail_errno("opening x", errno)`.
[[nodiscard]] inline tl::unexpected<Error>
fail_errno(std::string_view context, int sys_errno, Errc code = Errc::internal) {
    return tl::unexpected<Error>(system_error(context, sys_errno, code));
}

} // namespace kheish

#define KHEISH_CONCAT_INNER(a, b) a##b
#define KHEISH_CONCAT(a, b) KHEISH_CONCAT_INNER(a, b)

// NOLINTBEGIN(bugprone-macro-parentheses): `target` is a declaration
/// KHEISH_TRY(const int x, parse(text)): declares x from the Result's value, or returns its Error.
#define KHEISH_TRY(target, expression)                                                             \
    KHEISH_TRY_INNER(target, expression, KHEISH_CONCAT(kheish_try_, __COUNTER__))
#define KHEISH_TRY_INNER(target, expression, name)                                                 \
    auto name = (expression);                                                                      \
    if (!name)                                                                                     \
        return ::kheish::fail(std::move(name).error());                                            \
    target = std::move(*name)
// NOLINTEND(bugprone-macro-parentheses)

/// KHEISH_CHECK(status): returns the Error of a Status or Result whose value is not wanted.
#define KHEISH_CHECK(expression)                                                                   \
    do {                                                                                           \
        if (auto kheish_check = (expression); !kheish_check)                                       \
            return ::kheish::fail(std::move(kheish_check).error());                                \
    } while (false)
