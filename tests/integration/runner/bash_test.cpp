#include "runner_process.hpp"

#include "base/text.hpp"
#include "codec/json.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace kheish::testing {
namespace {

using codec::Json;
using codec::runner::Execute;
using codec::runner::Finished;
using Kind = Finished::Kind;

std::string command(const std::string& text) {
    return codec::canonical_json(Json::object({{"command", text}}));
}

/// How many processes of the machine have `needle` among their arguments.
int processes_with(const std::string& needle) {
    int count = 0;
    for (const std::filesystem::directory_entry& entry :
         std::filesystem::directory_iterator("/proc")) {
        const Result<std::string> line =
            kheish::read_file((entry.path() / "cmdline").string(), 1U << 20U);
        if (line && line->find(needle) != std::string::npos)
            ++count;
    }
    return count;
}

class Bash : public ::testing::Test {
  protected:
    Finished run(const std::string& text) { return client_.call("bash", command(text)); }

    /// A call with a spool, and what the spool holds after it.
    std::pair<Finished, std::string> run_spooled(const std::string& text, int limit_bytes) {
        const std::string path = (runner_.directory() / "spool").string();
        Execute execute;
        execute.call = CallId{"spooled"};
        execute.tool = "bash";
        execute.input = command(text);
        execute.spool = true;
        execute.timeout_ms = 20'000;
        execute.output_limit_bytes = limit_bytes;
        std::vector<Fd> descriptors;
        descriptors.emplace_back(
            ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        client_.send(execute, std::move(descriptors));
        const Finished finished = client_.wait(execute.call);
        return {finished, kheish::read_file(path, 1U << 30U).value()};
    }

    RunnerProcess runner_;
    Client client_ = Client::greeted(runner_);
    /// Names processes of this test among those of the machine.
    std::string mark_ = "kheish-mark-" + std::to_string(::getpid());
};

TEST_F(Bash, GivesOutputAndExitStatus) {
    const Finished ok = run("echo out; echo err >&2; pwd; read line || echo end");
    EXPECT_EQ(ok.kind, Kind::ok);
    EXPECT_EQ(ok.text, "out\nerr\n" + runner_.workspace().string() + "\nend\n");
    EXPECT_EQ(ok.exit_code, 0);
    EXPECT_FALSE(ok.truncated);
    EXPECT_GT(ok.duration_us, 0);
    const Finished failed = run("echo no; exit 3");
    EXPECT_EQ(failed.kind, Kind::failed);
    EXPECT_EQ(failed.text, "no\n[exit status 3]\n");
    EXPECT_EQ(failed.exit_code, 3);
    const Finished killed = run("kill -9 $$");
    EXPECT_EQ(killed.exit_code, 137);
    EXPECT_EQ(killed.text, "[ended by signal 9]\n");
    EXPECT_EQ(run("").kind, Kind::failed);
}

TEST_F(Bash, WorksWhereItIsTold) {
    ASSERT_TRUE(std::filesystem::create_directory(runner_.workspace() / "sub"));
    std::filesystem::create_symlink("/etc", runner_.workspace() / "out");
    EXPECT_EQ(
        client_.call("bash", R"({"command":"pwd","cwd":"sub"})").text,
        (runner_.workspace() / "sub").string() + "\n");
    EXPECT_NE(
        client_.call("bash", R"({"command":"pwd","cwd":"none"})")
            .text.find("not started: bash.cwd: none: does not exist"),
        std::string::npos);
    EXPECT_NE(
        client_.call("bash", R"({"command":"pwd","cwd":"out"})")
            .text.find("out: leads out of the workspace"),
        std::string::npos);
}

TEST_F(Bash, EnvironmentIsSmall) {
    const std::string names = run("compgen -e | sort | tr '\\n' ' '").text;
    EXPECT_EQ(names.find("KHEISH"), std::string::npos) << names;
    EXPECT_EQ(names.find("MESON"), std::string::npos) << names;
    EXPECT_NE(names.find("PATH"), std::string::npos) << names;
}

TEST_F(Bash, HasNoDescriptorsButItsOwn) {
    EXPECT_EQ(run("cd /proc/self/fd && echo *").text, "0 1 2 3\n"); // 3: what the glob opened
}

TEST_F(Bash, TimeoutKillsTheWholeTree) {
    const CallId id = client_.start(
        "bash",
        command(
            "(setsid bash -c 'exec -a " + mark_ + " sleep 1000' & exec -a " + mark_ +
            " sleep 1001) & " + "trap '' TERM HUP; touch ready; exec -a " + mark_ + " sleep 1002"),
        3000);
    ASSERT_TRUE(
        eventually([this] { return std::filesystem::exists(runner_.workspace() / "ready"); }));
    const Finished finished = client_.wait(id);
    EXPECT_EQ(finished.kind, Kind::timed_out);
    EXPECT_NE(finished.text.find("longer than 3000 ms"), std::string::npos);
    EXPECT_FALSE(finished.exit_code.has_value());
    EXPECT_EQ(processes_with(mark_), 0);
}

TEST_F(Bash, NothingSurvivesTheEndOfTheScript) {
    const Finished finished =
        run("for i in 1 2 3; do setsid bash -c 'exec -a " + mark_ +
            " sleep 1000' & done; (sleep 1000 & disown) ; echo done");
    EXPECT_EQ(finished.kind, Kind::ok);
    EXPECT_EQ(finished.text, "done\n");
    EXPECT_EQ(processes_with(mark_), 0);
}

TEST_F(Bash, CancelKillsTheWholeTree) {
    const CallId id = client_.start(
        "bash",
        command("echo begun; touch ready; setsid -w bash -c 'exec -a " + mark_ + " sleep 1000'"));
    ASSERT_TRUE(
        eventually([this] { return std::filesystem::exists(runner_.workspace() / "ready"); }));
    client_.send(codec::runner::Cancel{id});
    const Finished finished = client_.wait(id);
    EXPECT_EQ(finished.kind, Kind::cancelled);
    EXPECT_EQ(finished.text, "begun\n[killed with everything it started: cancelled]\n");
    EXPECT_EQ(processes_with(mark_), 0);
}

TEST_F(Bash, EndsEvenIfItClosesItsOutput) {
    const Finished finished = run("exec >&- 2>&-; sleep 0.2; exit 4");
    EXPECT_EQ(finished.exit_code, 4);
}

TEST_F(Bash, LongOutputIsKeptWholeAndShownInParts) {
    const auto [finished, spool] = run_spooled("seq 1 100000", 1 << 24);
    EXPECT_EQ(finished.kind, Kind::ok);
    EXPECT_TRUE(finished.truncated);
    EXPECT_LE(finished.text.size(), codec::runner::kPayloadBytes);
    EXPECT_TRUE(finished.text.starts_with("1\n2\n3\n"));
    EXPECT_TRUE(finished.text.ends_with("99999\n100000\n"));
    EXPECT_NE(
        finished.text.find("the middle of 588895 bytes of output is left out"), std::string::npos);
    ASSERT_TRUE(finished.spool.has_value());
    EXPECT_EQ(spool.size(), std::size_t{588'895});
    EXPECT_EQ(*finished.spool, codec::blob_ref(spool));
}

TEST_F(Bash, TooMuchOutputEndsTheScript) {
    const auto [finished, spool] = run_spooled("yes; echo never", 1'000'000);
    EXPECT_EQ(finished.kind, Kind::failed);
    EXPECT_NE(finished.text.find("more than 1000000 bytes of output"), std::string::npos);
    EXPECT_EQ(spool.size(), std::size_t{1'000'000});
    EXPECT_EQ(*finished.spool, codec::blob_ref(spool));
}

TEST_F(Bash, OutputThatIsNotUtf8IsShownAsUtf8AndKeptAsItIs) {
    const auto [finished, spool] = run_spooled("printf 'a\\xff\\xc3\\xa9\\000b'", 1000);
    EXPECT_EQ(finished.text, std::string("a\xEF\xBF\xBD\xC3\xA9\0b", 8));
    EXPECT_EQ(spool, std::string("a\xff\xc3\xa9\0b", 6));
    const auto [noise, raw] = run_spooled("head -c 300000 /dev/urandom", 1 << 20);
    EXPECT_TRUE(is_valid_utf8(noise.text));
    EXPECT_LE(noise.text.size(), codec::runner::kPayloadBytes);
}

TEST_F(Bash, AFullSpoolIsSaid) {
    const Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    ASSERT_TRUE(full);
    Execute execute;
    execute.call = CallId{"full"};
    execute.tool = "bash";
    execute.input = command("echo hello");
    execute.spool = true;
    execute.timeout_ms = 20'000;
    execute.output_limit_bytes = 1000;
    std::vector<Fd> descriptors;
    descriptors.push_back(duplicate(full).value());
    client_.send(execute, std::move(descriptors));
    const Finished finished = client_.wait(CallId{"full"});
    EXPECT_FALSE(finished.spool.has_value());
    EXPECT_TRUE(finished.text.starts_with("hello\n[the full output could not be kept"))
        << finished.text;
}

TEST_F(Bash, SeesNothingButItself) {
    // Its own /proc: pid 1 is the call's, and no other process is there.
    EXPECT_EQ(run("echo /proc/[0-9]*").text, "/proc/1 /proc/2\n");
    EXPECT_EQ(run("cat /proc/$$/comm; true").text, "bash\n");
}

TEST_F(Bash, CannotHarmItsRunner) {
    const CallId other = client_.start("bash", command("sleep 0.3; echo alive"));
    const Finished finished =
        run("kill -9 -1; kill -9 1; kill -9 " + std::to_string(runner_.pid()) +
            "; cat /proc/1/environ; cat /proc/1/mem; ls /proc/1/fd | wc -l; echo end");
    EXPECT_TRUE(finished.text.find("end") != std::string::npos || finished.exit_code == 137)
        << finished.text;
    EXPECT_EQ(client_.wait(other).text, "alive\n");
    EXPECT_EQ(run("echo still here").text, "still here\n");
    EXPECT_EQ(Client::greeted(runner_).reply().version, codec::runner::kNewestVersion);
}

TEST_F(Bash, HasNoPrivilegeAndGetsNone) {
    EXPECT_EQ(
        run("grep -E '^(Cap(Prm|Eff|Amb|Inh)|NoNewPrivs|Seccomp):' /proc/self/status").text,
        "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"
        "CapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n");
    EXPECT_NE(run("unshare -Ur true").exit_code, 0);
    EXPECT_NE(run("unshare -m true").exit_code, 0);
    EXPECT_EQ(run("id -u").text, std::to_string(::geteuid() == 0 ? 64321 : ::geteuid()) + "\n");
}

TEST_F(Bash, LandlockHoldsWhereTheMountNamespaceDoesNotHide) {
    for (const std::string path : {"/var/lib", "/run", "/root", "/home", "/sys"}) {
        const Finished finished = run("ls " + path);
        EXPECT_NE(finished.exit_code, 0) << path;
        EXPECT_NE(finished.text.find("Permission denied"), std::string::npos) << finished.text;
    }
    EXPECT_NE(run("echo x > /etc/kheish-test").exit_code, 0);
    EXPECT_EQ(run("echo x > /tmp/$$-kheish && rm /tmp/$$-kheish; echo y > here").exit_code, 0);
}

TEST_F(Bash, SixteenRunBesideEachOtherAndTheRestWait) {
    std::vector<CallId> calls;
    // Each waits until sixteen are there, so this ends only if sixteen run at once.
    for (int i = 0; i < 20; ++i)
        calls.push_back(client_.start(
            "bash",
            command(
                "touch here-" + std::to_string(i) +
                "; until [ $(ls here-* | wc -l) -ge 16 ]; do sleep 0.02; done; ls here-* | wc "
                "-l")));
    for (const CallId& call : calls) {
        const Finished finished = client_.wait(call);
        EXPECT_EQ(finished.kind, Kind::ok) << finished.text;
    }
}

} // namespace
} // namespace kheish::testing
