#include "govern/shell_command.hpp"

#include <gtest/gtest.h>

namespace kheish::govern {
namespace {

/// The commands, with their words in brackets; "?" before a script that is not plain.
std::string shape(std::string_view text) {
    const ShellScript script = read_shell_script(text);
    std::string shown = script.is_plain ? "" : "?";
    for (const std::vector<std::string>& command : script.commands) {
        for (const std::string& word : command)
            shown += "[" + word + "]";
        shown += ";";
    }
    return shown;
}

TEST(ShellCommand, PlainScriptsAreTheirCommands) {
    EXPECT_EQ(shape("git status"), "[git][status];");
    EXPECT_EQ(shape("  git\tdiff  --stat  "), "[git][diff][--stat];");
    EXPECT_EQ(shape("a && b || c; d & e\nf | g |& h"), "[a];[b];[c];[d];[e];[f];[g];[h];");
    EXPECT_EQ(shape("echo 'a b' \"c d\" e\\ f"), "[echo][a b][c d][e f];");
    EXPECT_EQ(shape("echo a''b\"\"c"), "[echo][abc];");
    EXPECT_EQ(shape("echo '' \"\""), "[echo][][];");
    EXPECT_EQ(shape("echo \"a \\\"b\\\" \\$c \\n\""), "[echo][a \"b\" $c \\n];");
    EXPECT_EQ(shape("make test # all of them; rm -rf /"), "[make][test];");
    EXPECT_EQ(shape("echo a#b"), "[echo][a#b];");
    EXPECT_EQ(shape("git \\\n  log"), "[git][log];");
    EXPECT_EQ(shape("echo 5$ a"), "[echo][5$][a];");
    EXPECT_EQ(shape("echo \"5$\" a"), "[echo][5$][a];");
    EXPECT_EQ(shape("git diff HEAD~1 HEAD^"), "[git][diff][HEAD~1][HEAD^];");
    EXPECT_EQ(shape(""), "");
    EXPECT_EQ(shape("# nothing"), "");
}

TEST(ShellCommand, OutputThatGoesNowhereIsPlain) {
    EXPECT_EQ(shape("make 2>&1 | tail -5"), "[make];[tail][-5];");
    EXPECT_EQ(shape("make >/dev/null 2> /dev/null"), "[make];");
    EXPECT_EQ(shape("make &>/dev/null"), "[make];");
    EXPECT_EQ(shape("make </dev/null"), "[make];");
    EXPECT_EQ(shape("echo a2>&1"), "[echo][a2];");
    EXPECT_EQ(shape("echo \"2\">&1"), "[echo][2];");
    EXPECT_EQ(shape("echo ''>&1"), "[echo][];");
    EXPECT_EQ(shape("echo 2>&1"), "[echo];");
}

TEST(ShellCommand, WhatBashMakesSomethingOfIsNotPlain) {
    for (const char* text :
         {"echo $HOME",
          "echo ${HOME}",
          "echo \"$HOME\"",
          "echo $(id)",
          "echo `id`",
          "echo \"`id`\"",
          "echo $((1 + 1))",
          "echo $'a'",
          "ls *.c",
          "ls a?",
          "ls [ab]",
          "ls {a,b}",
          "ls ~",
          "ls ~root",
          "dd of=~/a",
          "a b=c:~",
          "$\"rm\" a",
          "echo $\"a\"",
          "echo !!",
          "make > out",
          "make >> out",
          "make 2> out",
          "make >&out",
          "cat < in",
          "cat << END\na\nEND",
          "cat <<< a",
          "diff <(a) <(b)",
          "tee >(a)",
          "(ls)",
          "{ ls; }",
          "if true; then ls; fi",
          "for a in b; do ls; done",
          "while true; do ls; done",
          "! ls",
          "f() { ls; }",
          "function f { ls; }",
          "[[ a ]]",
          "case a in b) ls;; esac",
          "PATH=/tmp ls",
          "A+=1",
          "a[0]=1",
          "eval ls",
          "source a",
          ". a",
          "exec ls",
          "command ls",
          "builtin cd",
          "trap ls EXIT",
          "time ls",
          "alias ls=rm",
          "coproc ls",
          "echo 'open",
          "echo \"open",
          "echo \\",
          "echo \x01",
          "ls\rrm"})
        EXPECT_FALSE(read_shell_script(text).is_plain) << text;
    EXPECT_FALSE(read_shell_script(std::string("ls\0rm", 5)).is_plain);
    EXPECT_FALSE(read_shell_script(std::string(kShellScriptLimitBytes + 1, 'a')).is_plain);
}

TEST(ShellCommand, SubstitutionsAreReadForWhatTheyRun) {
    EXPECT_EQ(shape("echo $(git push)"), "?[git][push];[echo][];");
    EXPECT_EQ(shape("echo `git push`"), "?[git][push];[echo][];");
    EXPECT_EQ(shape("echo \"$(a $(b))\""), "?[b];[a][];[echo][];");
    std::string deep = "x";
    for (std::size_t i = 0; i < 3 * kShellNestingLimit; ++i)
        deep = "$(" + deep + ")";
    EXPECT_FALSE(read_shell_script(deep).is_plain);
}

TEST(ShellCommand, NothingBreaksIt) {
    // Every script of few characters out of those that mean something.
    const std::string alphabet = "a '\"\\$(){}`;&|<>#=\n*";
    std::vector<std::string> scripts{""};
    for (int length = 0; length < 4; ++length) {
        std::vector<std::string> longer;
        for (const std::string& script : scripts)
            for (const char c : alphabet)
                longer.push_back(script + c);
        for (const std::string& script : longer) {
            const ShellScript read = read_shell_script(script);
            for (const std::vector<std::string>& command : read.commands)
                EXPECT_FALSE(command.empty()) << script;
            (void)may_run(read, {"rm"});
        }
        scripts = std::move(longer);
    }
}

TEST(ShellCommand, MayRunFindsWhatSomebodyElseRuns) {
    const auto may = [](std::string_view text, const std::vector<std::string>& prefix) {
        return may_run(read_shell_script(text), prefix);
    };
    for (const char* text :
         {"git push",
          "git push origin",
          "cd a && git push",
          "sudo git push",
          "/usr/bin/git push",
          "env A=b git push",
          "echo $(git push)",
          "if a; then git push; fi",
          "bash -c 'git push'",
          "bash -c \"cd a; git push\"",
          "sh -c 'sh -c \"git push\"'",
          "xargs git push < a",
          "true\ngit push",
          "(git push)",
          "{ git push; }",
          "g'it' pu\"sh\"",
          "git \\\npush",
          "GIT=a git push",
          "eval 'git push'",
          "! git push",
          "echo \"`git push`\"",
          "timeout 5 git push",
          "git push > out",
          "find . -exec git push {} +",
          "--run='git push'"})
        EXPECT_TRUE(may(text, {"git", "push"})) << text;
    for (const char* text : {"git status", "git pull", "echo pushed", "gitpush", "git -C a status"})
        EXPECT_FALSE(may(text, {"git", "push"})) << text;
    EXPECT_TRUE(may("anything", {}));
    EXPECT_TRUE(may(std::string(kShellScriptLimitBytes, 'a') + "; git push", {"git", "push"}));
}

TEST(ShellCommand, WhatIsHiddenTooDeepOrTooOftenIsInDoubt) {
    std::string deep = "b c";
    for (std::size_t i = 0; i <= kShellNestingLimit; ++i) {
        std::string quoted;
        for (const char c : deep)
            quoted += (c == '"' || c == '\\') ? std::string("\\") + c : std::string(1, c);
        deep = "sh -c \"" + quoted + "\"";
    }
    EXPECT_TRUE(read_shell_script(deep).is_plain);
    EXPECT_TRUE(read_shell_script(deep).may_hide_more);
    std::string wide;
    for (int i = 0; i < 6000; ++i)
        wide += " 'a=b c=d e=f'";
    EXPECT_LE(read_shell_script("echo" + wide).hidden.size(), kHiddenLimitBytes);
    EXPECT_FALSE(read_shell_script("git commit -m 'mend a = b (twice)'").may_hide_more);
}

} // namespace
} // namespace kheish::govern
