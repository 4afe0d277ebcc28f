#include "runner/spool_writer.hpp"

#include <cerrno>

#include <unistd.h>

namespace kheish::runner {

void SpoolWriter::give_up(Error error) {
    problem_ = std::move(error.message);
    file_.reset();
}

void SpoolWriter::append(std::string_view bytes) {
    if (!file_)
        return;
    Status written = write_all(file_->get(), bytes);
    if (!written)
        return give_up(std::move(written).error());
    hash_.update(bytes);
    size_bytes_ += static_cast<std::int64_t>(bytes.size());
}

std::optional<codec::BlobRef> SpoolWriter::finish() {
    if (file_ && ::fdatasync(file_->get()) != 0)
        give_up(system_error("writing to disk", errno));
    if (!file_)
        return std::nullopt;
    return codec::BlobRef{hash_.finish(), size_bytes_};
}

} // namespace kheish::runner
