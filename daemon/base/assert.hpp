#pragma once

namespace kheish {

/// Logs at critical priority and aborts. For programming errors only: input never reaches it.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line) noexcept;

} // namespace kheish

/// Checked in release builds too: a control plane that goes on with a broken invariant does harm.
#define KHEISH_ASSERT(expression)                                                                  \
    (static_cast<bool>(expression) ? static_cast<void>(0)                                          \
                                   : ::kheish::assertion_failed(#expression, __FILE__, __LINE__))
