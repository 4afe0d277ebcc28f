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

    template <class Callable>
    requires(
        !std::is_same_v<std::remove_cvref_t<Callable>, UniqueFunction> &&
        std::is_invocable_r_v<Return, Callable&, Arguments...>)
        UniqueFunction(
            Callable&&
                callable) // NOLINT(google-explicit-constructor,bugprone-forwarding-reference-overload)
        : target_(
              std::make_unique<Model<std::decay_t<Callable>>>(std::forward<Callable>(callable))) {}

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
        explicit Model(Callable callable) : callable_(std::move(callable)) {}
        Return call(Arguments... arguments) override {
            return callable_(std::forward<Arguments>(arguments)...);
        }
        Callable callable_;
    };

    std::unique_ptr<Concept> target_;
};

} // namespace kheish
