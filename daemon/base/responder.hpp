#pragma once

#include "base/result.hpp"
#include "base/unique_function.hpp"

#include <utility>

namespace kheish {

/// The one reply that an operation owes its caller. Move-only; answered exactly once.
/// A Responder that is destroyed unanswered answers Errc::internal, so that no caller can be left
/// waiting by a forgotten path; that is a bug and the message says so.
template <class T>
class Responder {
  public:
    using Handler = UniqueFunction<void(Result<T>)>;

    Responder() = default;
    explicit Responder(Handler handler) : handler_(std::move(handler)) {}
    Responder(Responder&& other) noexcept : handler_(std::exchange(other.handler_, Handler{})) {}
    Responder& operator=(Responder&& other) noexcept {
        if (this != &other) {
            abandon();
            handler_ = std::exchange(other.handler_, Handler{});
        }
        return *this;
    }
    Responder(const Responder&) = delete;
    Responder& operator=(const Responder&) = delete;
    ~Responder() { abandon(); }

    /// True until it has been answered or moved from.
    explicit operator bool() const { return static_cast<bool>(handler_); }

    void answer(Result<T> result) {
        KHEISH_ASSERT(handler_);
        Handler handler = std::exchange(handler_, Handler{});
        handler(std::move(result));
    }
    /// Lets go of a caller who has given up waiting: nothing is answered, now or later.
    void dismiss() { handler_ = Handler{}; }
    void fail(Errc code, std::string message) { answer(kheish::fail(code, std::move(message))); }
    void fail(Error error) { answer(kheish::fail(std::move(error))); }

  private:
    void abandon() noexcept {
        if (handler_)
            answer(kheish::fail(Errc::internal, "the operation ended without an answer"));
    }

    Handler handler_;
};

} // namespace kheish
