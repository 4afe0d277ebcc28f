#include "govern/shell_command.hpp"

#include "base/fd.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include <unistd.h>

/// What read_shell_script() takes for plain is what bash makes of it.
namespace kheish::govern {
namespace {

/// Runs each script and says which arguments `p` was called with.
constexpr const char* kListener = R"(
exec 9>&1 # wherever the script sends its output
p() { local x; { for x; do printf '[%s]' "$x"; done; printf ';'; } >&9; }
command_not_found_handle() { return 0; }
while IFS= read -r -d '' script; do eval "$script" 2>/dev/null </dev/null; printf '\1'; done < "$0"
)";

/// Every script of up to three parts, and some of four.
std::vector<std::string> scripts() {
    constexpr std::size_t kStride = 11;
    const std::vector<std::string> parts{
        "a",
        " ",
        "'",
        "\"",
        "\\",
        "$",
        "~",
        "#",
        "=",
        "2",
        ":",
        "2>&1",
        "2>/dev/null",
        "&&",
        ";",
        "\n",
        "\t",
        "^",
        "p b"};
    std::vector<std::string> all{"p "};
    std::size_t first = 0;
    for (int length = 0; length < 3; ++length) {
        const std::size_t end = all.size();
        for (; first < end; ++first)
            for (const std::string& part : parts)
                all.push_back(all[first] + part);
    }
    const std::size_t whole = all.size();
    for (; first < whole; ++first)
        for (std::size_t part = first % kStride; part < parts.size(); part += kStride)
            all.push_back(all[first] + parts[part]);
    return all;
}

std::string expected(const ShellScript& script) {
    std::string text;
    for (const std::vector<std::string>& command : script.commands) {
        if (command.front() != "p")
            continue;
        for (std::size_t i = 1; i < command.size(); ++i)
            text += "[" + command[i] + "]";
        text += ";";
    }
    return text;
}

TEST(ShellAndBash, AgreeOnWhatIsPlain) {
    std::string path = ::testing::TempDir() + "scripts-XXXXXX";
    ASSERT_TRUE(Fd(::mkstemp(path.data())));
    std::vector<std::string> plain;
    std::ofstream file(path, std::ios::binary);
    for (const std::string& script : scripts())
        // What runs in the background would be heard of at any time.
        if (read_shell_script(script).is_plain && script.find("\\&") == std::string::npos) {
            plain.push_back(script);
            file << script << '\0';
        }
    file.close();
    ASSERT_GT(plain.size(), 5'000U);
    ASSERT_EQ(::setenv("LISTENER", kListener, 1), 0);
    FILE* const bash =
        ::popen(("exec bash -c \"$LISTENER\" " + path + " 2>/dev/null").c_str(), "r");
    ASSERT_NE(bash, nullptr);
    std::string heard;
    std::size_t index = 0;
    std::size_t whole = 0;
    for (int c = std::fgetc(bash); c != EOF && index < plain.size(); c = std::fgetc(bash)) {
        if (c != 1) {
            heard.push_back(static_cast<char>(c));
            continue;
        }
        // Where it is no script for bash, bash stops.
        const std::string all = expected(read_shell_script(plain[index]));
        ASSERT_TRUE(all.starts_with(heard)) << plain[index] << ": " << heard << " and not " << all;
        whole += heard == all ? 1U : 0U;
        heard.clear();
        ++index;
    }
    EXPECT_EQ(index, plain.size());
    EXPECT_GT(whole * 10, index * 9);
    EXPECT_EQ(::pclose(bash), 0);
    (void)::unlink(path.c_str());
}

} // namespace
} // namespace kheish::govern
