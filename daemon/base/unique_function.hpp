#pragma once

#include "base/assert.hpp"

#include <memory>
#include <type_traits>
#include <utility>

namespace kheish {

template <class Signature>
class UniqueFunction;

/// A callable that owns move-only captures: what std::move_only_function is in C++23.
/// Calling an empty one is a programming error.
template <class Return, class... Arguments>
class UniqueFunction<Return(Arguments...)> {
  public:
    UniqueFunction() = default;

    // Converts as std::function does; `requires` keeps it from standing in for the move
    // constructor. NOLINTBEGIN(google-explicit-constructor,bugprone-forwarding-reference-overload)
    template <class Callable>
    requires(
        !std::is_same_v<std::remove_cvref_t<Callable>, UniqueFunction> &&
        std::is_invocable_r_v<Return, Callable&, Arguments...>) UniqueFunction(Callable&& callable)
        : target_(
              std::make_unique<Model<std::decay_t<Callable>>>(std::forward<Callable>(callable))) {}
    // NOLINTEND(google-explicit-constructor,bugprone-forwarding-reference-overload)

    explicit operator bool() const { return target_ != nullptr; }

    Return operator()(Arguments... arguments) {
        KHEISH_ASSERT(target_ != nullptr);
        return target_->call(std::forward<Arguments>(arguments)...);
    }

  private:
    struct Concept {
        Concept() = default;
        Concept(const Concept&) = delete;
        Concept& operator=(const Concept&) = delete;
        virtual ~Concept() = default;
        virtual Return call(Arguments... arguments) = 0;
    };

    template <class Callable>
    struct Model final : Concept {
        explicit Model(Callable wrapped) : callable(std::move(wrapped)) {}
        Return call(Arguments... arguments) override {
            return callable(std::forward<Arguments>(arguments)...);
        }
        Callable callable;
    };

    std::unique_ptr<Concept> target_;
};

} // namespace kheish
