#pragma once

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/unique_function.hpp"
#include "journal/sqlite.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace kheish::journal {

/// From this schema on every page has a checksum.
inline constexpr std::int64_t kChecksummedVersion = 3;
inline constexpr std::int64_t kApplicationId = 0x6b686569; // "khei"

/// One step of the schema, from the file schema/`name`.
struct Migration {
    int version;
    std::string_view name;
    std::string_view sql;
};

/// The steps built into this program, numbered 1, 2, 3, ...
std::span<const Migration> migrations();

/// Brings `database`, the file at `path`, to the last of `steps`. A database that has tables is
/// first copied to "<path>.v<version>-<seconds>.backup" (mode 0600), and rewritten where its pages
/// have no checksums yet; then each step is one transaction, checked for integrity and foreign keys
/// before it is committed. A backup of what is still the same version after a failure is removed
/// again. `progress` is called now and then while that takes. Errc::journal_newer_schema for a
/// version beyond `steps`, journal_corrupt for a database of another program or one that has lost
/// its checksums; in both cases nothing is changed.
Status migrate(
    Database& database,
    const std::string& path,
    std::span<const Migration> steps,
    const Clock& clock,
    UniqueFunction<void()>& progress);

/// Whether `database`, which is only read, has the schema of this program: journal_newer_schema,
/// journal_corrupt as above, journal_unavailable for an older one.
Status check_current(Database& database, const std::string& path);

} // namespace kheish::journal
