#include "config/settings.hpp"

#include "scratch_directories.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace kheish::config {
namespace {

TEST(Settings, NoFileGivesTheDefaults) {
    const ScratchDirectories scratch;
    const Result<Settings> settings = load_settings(scratch.directories());
    ASSERT_TRUE(settings.has_value()) << settings.error().message;
    EXPECT_EQ(settings->state_directory, "/var/lib/kheish");
    EXPECT_EQ(settings->runs.max_turns, 500);
    EXPECT_EQ(settings->permissions.mode, "default");
    EXPECT_TRUE(settings->permissions.desktop_prompts);
    EXPECT_EQ(settings->http.heartbeat, std::chrono::seconds(15));
    EXPECT_FALSE(settings->limits.require);
    EXPECT_FALSE(settings->inhibit.idle || settings->inhibit.suspend || settings->inhibit.lid);
}

TEST(Settings, OfWhatFilesTheyAreMadeIsKnown) {
    ScratchDirectories scratch;
    EXPECT_TRUE(configuration_files(scratch.directories())->empty());
    for (const char* name :
         {"vendor/kheish.toml",
          "vendor/routes.toml",
          "vendor/kheish.toml.d/10-a.toml",
          "vendor/kheish.toml.d/20-b.toml",
          "local/kheish.toml",
          "local/kheish.toml.d/10-a.toml"})
        scratch.write(name, std::string("# ") + name);
    const auto texts = [&scratch] {
        std::vector<std::string> all;
        const Result<std::vector<SourceFile>> files = configuration_files(scratch.directories());
        for (const SourceFile& file : *files)
            all.push_back(file.text);
        return all;
    };
    EXPECT_EQ(
        texts(),
        (std::vector<std::string>{
            "# vendor/kheish.toml",
            "# local/kheish.toml",
            "# local/kheish.toml.d/10-a.toml",
            "# vendor/kheish.toml.d/20-b.toml",
            "# vendor/routes.toml"}));
    scratch.write("local/routes.toml", "# local/routes.toml");
    EXPECT_EQ(texts().back(), "# local/routes.toml");
}

TEST(Settings, EscalationNamesWhomAndWhen) {
    ScratchDirectories scratch;
    const auto error = [&scratch](const std::string& text) {
        scratch.write("local/kheish.toml", "[permissions]\n" + text);
        const Result<Settings> settings = load_settings(scratch.directories());
        return settings ? "" : settings.error().message;
    };
    EXPECT_EQ(
        error("approvals_remind_after_seconds = 60\napprovals_escalate_after_seconds = 120\n"
              "approvals_escalate_to = [\"bob\", \"token:ops\"]\n"),
        "");
    EXPECT_NE(
        error("approvals_escalate_after_seconds = 120\n").find("go together"), std::string::npos);
    EXPECT_NE(error("approvals_escalate_to = [\"bob\"]\n").find("go together"), std::string::npos);
    EXPECT_NE(error("approvals_escalate_to = \"bob\"\n"), "");
}

TEST(ProjectPermissions, NarrowAndNothingElse) {
    const auto problem = [](std::string_view text) {
        const Result<std::vector<PermissionRule>> rules = parse_project_permissions(text, "p.toml");
        return rules ? std::to_string(rules->size()) + " rules" : rules.error().message;
    };
    EXPECT_EQ(problem(""), "0 rules");
    EXPECT_EQ(
        problem("[[rules]]\npattern = \"bash\"\nbehavior = \"deny\"\ncommand = \"rm *\"\n"
                "[[rules]]\npattern = \"*\"\nbehavior = \"ask\"\n"),
        "2 rules");
    EXPECT_EQ(
        problem("\n[[rules]]\npattern = \"bash\"\nbehavior = \"allow\"\n"),
        "p.toml:2: a project may only narrow what is permitted: behavior must be \"ask\" or "
        "\"deny\"");
    EXPECT_TRUE(problem("mode = \"plan\"\n").starts_with("p.toml:1: ")) << problem("mode = 1");
    EXPECT_TRUE(problem("rules = 7\n").starts_with("p.toml:1: rules must be"));
    EXPECT_TRUE(problem("[[rules]\n").starts_with("p.toml:1: "));
    std::string many;
    for (std::size_t i = 0; i <= kProjectRuleLimit; ++i)
        many += "[[rules]]\npattern = \"x\"\nbehavior = \"ask\"\n";
    EXPECT_NE(problem(many).find("more than 256"), std::string::npos) << problem(many);
}

TEST(Settings, ReadsEveryKey) {
    ScratchDirectories scratch;
    scratch.write("local/kheish.toml", R"(
state_directory = "/srv/kheish"
runtime_directory = "/run/other"
workspaces_directory = "/srv/work"
[runs]
max_turns = 0
max_output_tokens = 100
context_limit_bytes = 8192
queued_per_session = 3
live = 7
stuck_after_seconds = 90
input_limit_bytes = 2048
[permissions]
mode = "dontAsk"
desktop_prompts = false
rules = [{pattern = "bash", behavior = "deny", reason = "no shell", command = "git push *"}, {pattern = "read_*", behavior = "allow", path = "src/**"}]
[limits]
memory_max_bytes = 536870912
tasks_max = 64
cpu_weight = 50
cpu_quota_percent = 200
io_weight = 10
runtime_max_seconds = 3600
require = true
[sandbox]
profile = "strict"
[tools]
output_limit_bytes = 4096
timeout_max_ms = 5000
[inhibit]
idle = true
sleep = true
lid = true
[http]
connections = 10
subscribers = 5
heartbeat_seconds = 3
allowed_hosts = ["kheish.example"]
allowed_origins = ["https://panel.example:8443", "http://a"]
)");
    const Result<Settings> settings = load_settings(scratch.directories());
    ASSERT_TRUE(settings.has_value()) << settings.error().message;
    EXPECT_EQ(settings->state_directory, "/srv/kheish");
    EXPECT_EQ(settings->runtime_directory, "/run/other");
    EXPECT_EQ(settings->workspaces_directory, "/srv/work");
    EXPECT_EQ(settings->runs.max_turns, 0);
    EXPECT_EQ(settings->runs.max_output_tokens, 100);
    EXPECT_EQ(settings->runs.context_limit_bytes, 8192);
    EXPECT_EQ(settings->runs.queued_per_session, 3);
    EXPECT_EQ(settings->runs.live, 7);
    EXPECT_EQ(settings->runs.stuck_after, std::chrono::seconds(90));
    EXPECT_EQ(settings->runs.input_limit_bytes, 2048);
    EXPECT_EQ(settings->permissions.mode, "dontAsk");
    ASSERT_EQ(settings->permissions.rules.size(), 2U);
    EXPECT_EQ(settings->permissions.rules[0].behavior, "deny");
    EXPECT_EQ(settings->permissions.rules[0].reason, "no shell");
    EXPECT_EQ(settings->permissions.rules[0].command, "git push *");
    EXPECT_EQ(settings->permissions.rules[1].path, "src/**");
    EXPECT_EQ(settings->permissions.rules[1].pattern, "read_*");
    EXPECT_EQ(settings->limits.memory_max_bytes, 536870912);
    EXPECT_EQ(settings->limits.tasks_max, 64);
    EXPECT_EQ(settings->limits.cpu_weight, 50);
    EXPECT_EQ(settings->limits.cpu_quota_percent, 200);
    EXPECT_EQ(settings->limits.io_weight, 10);
    EXPECT_EQ(settings->limits.runtime_max, std::chrono::hours(1));
    EXPECT_TRUE(settings->limits.require);
    EXPECT_EQ(settings->sandbox.profile, "strict");
    EXPECT_EQ(settings->tools.output_limit_bytes, 4096);
    EXPECT_EQ(settings->tools.timeout_max, std::chrono::seconds(5));
    EXPECT_TRUE(settings->inhibit.idle && settings->inhibit.suspend && settings->inhibit.lid);
    EXPECT_EQ(settings->http.connections, 10);
    EXPECT_EQ(settings->http.subscribers, 5);
    EXPECT_EQ(settings->http.heartbeat, std::chrono::seconds(3));
    EXPECT_EQ(settings->http.allowed_hosts, std::vector<std::string>{"kheish.example"});
    EXPECT_EQ(settings->http.allowed_origins.size(), 2U);
}

TEST(Settings, LocalGoesOverVendorAndDropInsGoOverBothByName) {
    ScratchDirectories scratch;
    scratch.write(
        "vendor/kheish.toml", "[runs]\nmax_turns = 1\nlive = 1\nqueued_per_session = 1\n");
    scratch.write("local/kheish.toml", "[runs]\nmax_turns = 2\nlive = 2\n");
    scratch.write("vendor/kheish.toml.d/50-b.toml", "[runs]\nmax_turns = 3\n");
    scratch.write("vendor/kheish.toml.d/90-z.toml", "[runs]\nlive = 9\nmax_output_tokens = 9\n");
    scratch.write("local/kheish.toml.d/60-c.toml", "[runs]\nmax_turns = 4\n");
    scratch.write(
        "local/kheish.toml.d/90-z.toml", "[tools]\ntimeout_max_ms = 5000\n"); // replaces vendor's
    scratch.write("local/kheish.toml.d/99-note.txt", "not = configuration =\n");
    const Result<Settings> settings = load_settings(scratch.directories());
    ASSERT_TRUE(settings.has_value()) << settings.error().message;
    EXPECT_EQ(settings->runs.max_turns, 4);
    EXPECT_EQ(settings->runs.live, 2);
    EXPECT_EQ(settings->runs.queued_per_session, 1);
    EXPECT_EQ(settings->runs.max_output_tokens, 8192);
    EXPECT_EQ(settings->tools.timeout_max, std::chrono::seconds(5));
}

TEST(Settings, BadInputIsRefusedWithItsPlace) {
    const std::pair<std::string, std::string> cases[] = {
        {"unknown = 1\n", ":1: unknown is no key of this file"},
        {"[runs]\n\nmax_turn = 1\n", ":3: runs.max_turn is no key of this file"},
        {"[runs]\nmax_turns = \"5\"\n", ":2: runs.max_turns must be an integer, not a string"},
        {"[runs]\nmax_turns = -1\n", ":2: runs.max_turns must lie from 0 to 1000000"},
        {"runs = 5\n", ":1: runs must be a table, not an integer"},
        {"[permissions]\nmode = \"yolo\"\n",
         ":2: permissions.mode must be one of default, acceptEdits"},
        {"[permissions]\nrules = [1]\n", ":2: permissions.rules must be a table, not an integer"},
        {"[permissions]\nrules = [{pattern = \"x\"}]\n",
         ":2: permissions.rules.behavior is required"},
        {"[permissions]\nrules = [{behavior = \"deny\"}]\n",
         "permissions.rules.pattern is required"},
        {"[limits]\nrequire = \"yes\"\n", ":2: limits.require must be true or false, not a string"},
        {"state_directory = \"relative\"\n", ":1: state_directory must be an absolute path"},
        {"state_directory = \"/a/../b\"\n", ":1: state_directory must be an absolute path"},
        {"[sandbox]\nprofile = \"../x\"\n", ":2: sandbox.profile must have 1 to 63"},
        {"[runs\n", ":1: "},
    };
    for (const auto& [text, message] : cases) {
        ScratchDirectories scratch;
        scratch.write("local/kheish.toml.d/10-bad.toml", text);
        const Result<Settings> settings = load_settings(scratch.directories());
        ASSERT_FALSE(settings.has_value()) << text;
        EXPECT_EQ(settings.error().code, Errc::invalid_configuration);
        EXPECT_TRUE(settings.error().message.starts_with(
            scratch.root() + "/local/kheish.toml.d/10-bad.toml"))
            << settings.error().message;
        EXPECT_NE(settings.error().message.find(message), std::string::npos)
            << settings.error().message;
    }
}

} // namespace
} // namespace kheish::config
