#include "disk.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace kheish::power_cut {

namespace {

constexpr std::size_t kSectorBytes = 512;

std::string name_of(const std::string& path) {
    return std::filesystem::path(path).filename();
}

void perform(std::string& content, const Operation& operation) {
    const auto offset = static_cast<std::size_t>(operation.offset_bytes);
    if (operation.kind == Operation::Kind::truncate) {
        content.resize(offset);
        return;
    }
    content.resize(std::max(content.size(), offset + operation.data.size()));
    content.replace(offset, operation.data.size(), operation.data);
}

/// The sectors of `write` that have reached the disk.
std::vector<Operation> some_sectors(const Operation& write, sim::Random& random) {
    std::vector<Operation> sectors;
    if (write.kind == Operation::Kind::truncate)
        return {write};
    for (std::size_t begin = 0; begin < write.data.size(); begin += kSectorBytes) {
        if (random.chance(500))
            continue;
        Operation sector = write;
        sector.offset_bytes += static_cast<std::int64_t>(begin);
        sector.data = write.data.substr(begin, kSectorBytes);
        sectors.push_back(std::move(sector));
    }
    return sectors;
}

std::vector<Operation> reorder(const std::vector<Operation>& operations, sim::Random& random) {
    std::vector<Operation> some;
    for (const Operation& operation : operations)
        if (random.chance(700))
            some.push_back(operation);
    for (std::size_t i = some.size(); i > 1; --i)
        std::swap(
            some[i - 1],
            some[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(i)))]);
    return some;
}

std::vector<Operation>
survivors(const std::vector<Operation>& unsynced, Cut cut, sim::Random& random) {
    std::vector<Operation> kept;
    switch (cut) {
    case Cut::dropped:
        break;
    case Cut::kept:
        kept = unsynced;
        break;
    case Cut::torn:
        kept = unsynced;
        if (!kept.empty())
            kept.back().data.resize(kept.back().data.size() / 2);
        break;
    case Cut::reordered:
        kept = reorder(unsynced, random);
        break;
    case Cut::scattered:
        for (const Operation& write : unsynced)
            for (Operation& sector : some_sectors(write, random))
                kept.push_back(std::move(sector));
        break;
    }
    return kept;
}

} // namespace

void Recorder::on_write(const std::string& path, std::int64_t offset_bytes, std::string_view data) {
    operations.push_back({Operation::Kind::write, name_of(path), offset_bytes, std::string(data)});
}

void Recorder::on_truncate(const std::string& path, std::int64_t size_bytes) {
    operations.push_back({Operation::Kind::truncate, name_of(path), size_bytes, {}});
}

void Recorder::on_sync(const std::string& path) {
    operations.push_back({Operation::Kind::sync, name_of(path), 0, {}});
}

void Recorder::on_delete(const std::string& path) {
    operations.push_back({Operation::Kind::remove, name_of(path), 0, {}});
}

std::string_view to_string(Cut cut) {
    switch (cut) {
    case Cut::dropped:
        return "dropped";
    case Cut::kept:
        return "kept";
    case Cut::torn:
        return "torn";
    case Cut::reordered:
        return "reordered";
    case Cut::scattered:
        return "scattered";
    }
    KHEISH_ASSERT(false);
}

void Disk::apply(const Operation& operation) {
    if (operation.kind == Operation::Kind::remove) {
        files_.erase(operation.file);
        return;
    }
    File& file = files_[operation.file];
    if (operation.kind != Operation::Kind::sync) {
        file.unsynced.push_back(operation);
        return;
    }
    if (!syncs_)
        return;
    for (const Operation& write : std::exchange(file.unsynced, {}))
        perform(file.synced, write);
}

std::map<std::string, std::string> Disk::after(Cut cut, sim::Random& random) const {
    std::map<std::string, std::string> contents;
    for (const auto& [name, file] : files_) {
        std::string content = file.synced;
        for (const Operation& operation : survivors(file.unsynced, cut, random))
            perform(content, operation);
        contents.emplace(name, std::move(content));
    }
    return contents;
}

} // namespace kheish::power_cut
