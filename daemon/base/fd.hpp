#pragma once

#include "base/result.hpp"

#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace kheish {

/// Owns one file descriptor; closes it at the end. -1 is empty.
class Fd {
  public:
    Fd() = default;
    explicit Fd(int fd) noexcept : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other)
            reset(std::exchange(other.fd_, -1));
        return *this;
    }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() { reset(); }

    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }
    /// Gives the descriptor away; the caller closes it.
    [[nodiscard]] int release() { return std::exchange(fd_, -1); }
    void reset(int fd = -1) noexcept;

  private:
    int fd_ = -1;
};

/// A new descriptor for the same file, close-on-exec.
Result<Fd> duplicate(const Fd& fd);
/// Reads to the end of the file; more than `limit_bytes` is Errc::payload_too_large.
Result<std::string> read_all(int fd, std::size_t limit_bytes);
/// read_all of the file at `path`.
Result<std::string> read_file(const std::string& path, std::size_t limit_bytes);
/// Writes all of `data`, through short writes and EINTR. For blocking descriptors.
Status write_all(int fd, std::string_view data);
Status set_nonblocking(int fd, bool nonblocking);

} // namespace kheish
