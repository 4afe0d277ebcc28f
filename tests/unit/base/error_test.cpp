#include "base/error.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>
#include <string>

namespace kheish {
namespace {

TEST(ErrorTable, EveryRowRoundTripsOnEveryEdge) {
    for (const ErrorInfo& row : error_table()) {
        EXPECT_EQ(error_info(row.code).name, row.name);
        const std::string dbus = std::string(kDbusErrorPrefix) + std::string(row.dbus);
        EXPECT_EQ(error_from_dbus_name(dbus), row.code) << dbus;
        EXPECT_EQ(error_from_name(row.domain, row.name), row.code) << row.name;
    }
}

TEST(ErrorTable, NamesAreUniqueAndValuesInRange) {
    std::set<std::string_view> dbus_names;
    std::set<std::string> names;
    for (const ErrorInfo& row : error_table()) {
        EXPECT_TRUE(dbus_names.insert(row.dbus).second) << row.dbus;
        EXPECT_TRUE(names.insert(std::string(row.domain) + "/" + std::string(row.name)).second)
            << row.name;
        EXPECT_GE(row.http_status, 400);
        EXPECT_LT(row.http_status, 600);
        EXPECT_GE(row.exit_code, 1);
        EXPECT_LE(row.exit_code, 8);
        EXPECT_GT(row.sys_errno, 0);
    }
}

TEST(ErrorTable, KnowsNoForeignName) {
    EXPECT_FALSE(error_from_dbus_name("org.freedesktop.DBus.Error.NoReply"));
    EXPECT_FALSE(error_from_dbus_name("ai.kheish.Daemon1.Error."));
    EXPECT_FALSE(error_from_name("runs", "session_not_found"));
}

TEST(Error, GathersContextOnItsWay) {
    const Error error =
        Error{.code = Errc::storage_full, .message = "no space"}.wrap("writing").wrap("journal");
    EXPECT_EQ(error.to_string(), "journal/storage_full: journal: writing: no space");
}

TEST(Error, NamesTheSystemsReason) {
    const Error error = system_error("opening x", ENOENT, Errc::not_found);
    EXPECT_EQ(error.message, "opening x: No such file or directory");
    EXPECT_EQ(error.sys_errno, ENOENT);
}

} // namespace
} // namespace kheish
