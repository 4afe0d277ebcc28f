#include "control/operations.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace kheish::control {
namespace {

TEST(Operations, NamesAndDoorsAreUnique) {
    std::set<std::string> names;
    std::set<std::string> members;
    std::set<std::string> routes;
    std::set<std::string> commands;
    for (const OperationInfo& row : operations()) {
        EXPECT_TRUE(names.emplace(row.name).second) << row.name;
        if (!row.dbus_member.empty()) {
            EXPECT_TRUE(
                members.insert(std::string(row.dbus_interface) + "." + std::string(row.dbus_member))
                    .second)
                << row.name;
        }
        if (!row.http_path.empty()) {
            EXPECT_TRUE(
                routes.insert(std::string(row.http_method) + " " + std::string(row.http_path))
                    .second)
                << row.name;
        }
        if (!row.command.empty()) {
            EXPECT_TRUE(commands.emplace(row.command).second) << row.name;
        }
    }
}

TEST(Operations, WhatChangesStateNeedsAPermissionAndIsRecorded) {
    for (const OperationInfo& row : operations()) {
        EXPECT_EQ(row.dbus_interface.empty(), row.dbus_member.empty()) << row.name;
        EXPECT_EQ(row.http_method.empty(), row.http_path.empty()) << row.name;
        EXPECT_FALSE(row.dbus_member.empty() && row.http_path.empty())
            << row.name << " has no door";
        if (!row.changes_state)
            continue;
        EXPECT_FALSE(row.polkit_action.empty()) << row.name;
        EXPECT_GE(row.role, Role::operate) << row.name;
        EXPECT_NE(row.audit, AuditClass::none) << row.name;
        EXPECT_NE(row.audit, AuditClass::read) << row.name;
    }
}

TEST(Operations, OnlyGetsGoWithoutABody) {
    for (const OperationInfo& row : operations())
        if (row.http_method == "GET") {
            EXPECT_EQ(row.body_limit_bytes, 0U) << row.name;
        } else if (!row.http_method.empty()) {
            EXPECT_GT(row.body_limit_bytes, 0U) << row.name;
        }
}

} // namespace
} // namespace kheish::control
