#include "config/toml_file.hpp"

#include <gtest/gtest.h>

namespace kheish::config {
namespace {

TEST(TomlFile, KeepsValuesAndTheirPlaces) {
    const Result<Value> file = parse_toml("a = 1\n[t]\nb = \"x\"\nc = [true,\n  2.5]\n", "f.toml");
    ASSERT_TRUE(file.has_value()) << file.error().message;
    const Table& top = std::get<Table>(file->content);
    EXPECT_EQ(std::get<std::int64_t>(top.at("a").content), 1);
    const Table& table = std::get<Table>(top.at("t").content);
    EXPECT_EQ(top.at("t").origin, "f.toml:2");
    EXPECT_EQ(std::get<std::string>(table.at("b").content), "x");
    EXPECT_EQ(table.at("b").origin, "f.toml:3");
    const Array& array = std::get<Array>(table.at("c").content);
    EXPECT_TRUE(std::get<bool>(array[0].content));
    EXPECT_EQ(array[1].origin, "f.toml:5");
}

TEST(TomlFile, ErrorsNameTheLine) {
    for (const auto& [text, line] : {
             std::pair("a = 1\nb = \n", "f.toml:2: "),
             std::pair("a = 1\na = 2\n", "f.toml:2: "),
             std::pair("\n\nd = 1979-05-27\n", "f.toml:3: "),
             std::pair("x = \"\xFF\"\n", "f.toml:1: "),
         }) {
        const Result<Value> file = parse_toml(text, "f.toml");
        ASSERT_FALSE(file.has_value()) << text;
        EXPECT_EQ(file.error().code, Errc::invalid_configuration);
        EXPECT_TRUE(file.error().message.starts_with(line)) << file.error().message;
    }
    const std::string deep = "a = " + std::string(60, '[') + std::string(60, ']');
    EXPECT_FALSE(parse_toml(deep, "f.toml").has_value());
    EXPECT_FALSE(parse_toml(std::string(kFileLimitBytes + 1, '#'), "f.toml").has_value());
    EXPECT_EQ(load_toml("/nonexistent/f.toml").error().code, Errc::not_found);
    EXPECT_EQ(load_toml("/").error().code, Errc::invalid_configuration);
}

TEST(TomlFile, MergeGoesIntoTablesAndReplacesTheRest) {
    Result<Value> base = parse_toml("a = 1\nl = [1, 2]\n[t]\nx = 1\ny = 2\n", "base");
    Result<Value> overlay = parse_toml("l = [3]\n[t]\ny = 9\nz = 3\n", "over");
    ASSERT_TRUE(base.has_value() && overlay.has_value());
    merge(*base, std::move(*overlay));
    const Table& top = std::get<Table>(base->content);
    EXPECT_EQ(std::get<Array>(top.at("l").content).size(), 1U);
    const Table& table = std::get<Table>(top.at("t").content);
    EXPECT_EQ(std::get<std::int64_t>(table.at("x").content), 1);
    EXPECT_EQ(std::get<std::int64_t>(table.at("y").content), 9);
    EXPECT_EQ(table.at("y").origin, "over:3");
    EXPECT_EQ(table.size(), 3U);
}

} // namespace
} // namespace kheish::config
