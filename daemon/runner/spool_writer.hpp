#pragma once

#include "base/fd.hpp"
#include "codec/digest.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kheish::runner {

/// Writes a call's whole output to the file that came with the call.
class SpoolWriter {
  public:
    /// Without a file nothing is kept.
    explicit SpoolWriter(std::optional<Fd> file) : file_(std::move(file)) {}

    /// The first failure ends the writing; problem() says what it was.
    void append(std::string_view bytes);
    /// What the file holds, on disk (fdatasync(2)); nothing where there is no file or it failed.
    std::optional<codec::BlobRef> finish();
    const std::string& problem() const { return problem_; }

  private:
    void give_up(Error error);

    std::optional<Fd> file_;
    codec::Sha256 hash_;
    std::int64_t size_bytes_ = 0;
    std::string problem_;
};

} // namespace kheish::runner
