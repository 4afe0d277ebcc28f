#include "runner_process.hpp"

#include "codec/digest.hpp"
#include "codec/json.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

namespace kheish::testing {
namespace {

using codec::Json;
using codec::runner::Finished;
using Kind = Finished::Kind;

class FileTools : public ::testing::Test {
  protected:
    Finished call(const std::string& tool, const std::string& input) {
        return client_.call(tool, input);
    }
    void refuses(const std::string& tool, const std::string& input, const std::string& text) {
        const Finished finished = call(tool, input);
        EXPECT_EQ(finished.kind, Kind::failed) << input;
        EXPECT_NE(finished.text.find(text), std::string::npos) << finished.text;
    }
    void directory(const std::string& name) {
        const std::filesystem::path path = runner_.workspace() / name;
        ASSERT_TRUE(std::filesystem::create_directory(path));
        ASSERT_EQ(::chmod(path.c_str(), 0777), 0);
    }
    void link(const std::string& name, const std::string& target) {
        std::filesystem::create_symlink(target, runner_.workspace() / name);
    }

    RunnerProcess runner_;
    Client client_ = Client::greeted(runner_);
};

TEST_F(FileTools, ReadFileGivesLines) {
    runner_.write("a.txt", "one\ntwo\nthree\nfour");
    EXPECT_EQ(call("read_file", R"({"path":"a.txt"})").text, "one\ntwo\nthree\nfour");
    EXPECT_EQ(
        call("read_file", R"({"path":"a.txt","offset":2,"limit":2})").text,
        "two\nthree\n[lines 2 to 3 of 4; go on with offset 4]\n");
    EXPECT_EQ(call("read_file", R"({"path":"a.txt","offset":9})").text, "[the file has 4 lines]\n");
    runner_.write("empty", "");
    const Finished empty = call("read_file", R"({"path":"empty"})");
    EXPECT_EQ(empty.kind, Kind::ok);
    EXPECT_EQ(empty.text, "");
}

TEST_F(FileTools, ReadFileBoundsWhatItShows) {
    std::string content;
    for (int i = 1; i <= 20'000; ++i)
        content += "line " + std::to_string(i) + "\n";
    runner_.write("long", content);
    const Finished finished = call("read_file", R"({"path":"long"})");
    EXPECT_EQ(finished.kind, Kind::ok);
    EXPECT_TRUE(finished.truncated);
    EXPECT_LE(finished.text.size(), codec::runner::kPayloadBytes);
    EXPECT_NE(finished.text.find("of 20000; go on with offset "), std::string::npos);
    runner_.write("wide", std::string(100'000, 'x'));
    EXPECT_NE(
        call("read_file", R"({"path":"wide"})").text.find("line 1 of 1 is too long"),
        std::string::npos);
}

TEST_F(FileTools, ReadFileSaysWhatIsNotText) {
    runner_.write("latin", "caf\xe9\n");
    EXPECT_EQ(
        call("read_file", R"({"path":"latin"})").text,
        "caf\xEF\xBF\xBD\n[bytes that are not UTF-8 are shown as U+FFFD]\n");
    runner_.write(
        "binary",
        std::string(
            "\x7f"
            "ELF\0\0",
            6));
    refuses("read_file", R"({"path":"binary"})", "binary: is a binary file of 6 bytes");
}

TEST_F(FileTools, ReadFileRefusesWhatIsNoFileOfTheWorkspace) {
    directory("d");
    link("out", "/etc/passwd");
    link("up", "../17.sock");
    link("loop", "loop");
    link("in", "real");
    runner_.write("real", "text");
    ASSERT_EQ(::mkfifo((runner_.workspace() / "fifo").c_str(), 0666), 0);
    ASSERT_EQ(
        ::truncate((runner_.write("huge", ""), runner_.workspace() / "huge").c_str(), 1 << 25), 0);
    refuses("read_file", R"({"path":"absent"})", "absent: does not exist");
    refuses("read_file", R"({"path":"d"})", "d: is a directory");
    refuses("read_file", R"({"path":"d/x"})", "d/x: does not exist");
    refuses("read_file", R"({"path":"real/x"})", "real/x: is not a directory");
    refuses("read_file", R"({"path":"out"})", "out: leads out of the workspace");
    refuses("read_file", R"({"path":"up"})", "up: leads out of the workspace");
    refuses("read_file", R"({"path":"loop"})", "loop: is a symbolic link or leads through");
    refuses("read_file", R"({"path":"fifo"})", "fifo: is not a regular file");
    refuses("read_file", R"({"path":"huge"})", "huge: 33554432 bytes are too many");
    refuses("read_file", R"({"path":"../17.sock"})", "must not hold \"..\"");
    refuses("read_file", R"({"path":"/etc/passwd"})", "must lie inside the workspace");
    refuses("read_file", R"({"path":"a","b":1})", "has no field \"b\"");
    refuses("read_file", "nonsense", "JSON");
    EXPECT_EQ(call("read_file", R"({"path":"in"})").text, "text");
}

TEST_F(FileTools, ListFilesIsSortedAndMarksKinds) {
    directory("b");
    directory(".git");
    runner_.write("b/x", "");
    runner_.write(".git/config", "");
    runner_.write("c", "");
    runner_.write("B", "");
    link("a", "/etc");
    ASSERT_EQ(::mkfifo((runner_.workspace() / "f").c_str(), 0666), 0);
    EXPECT_EQ(call("list_files", "{}").text, ".git/\nB\na@\nb/\nc\nf?\n");
    EXPECT_EQ(call("list_files", R"({"recursive":true})").text, ".git/\nB\na@\nb/\nb/x\nc\nf?\n");
    EXPECT_EQ(call("list_files", R"({"path":"b"})").text, "x\n");
    directory("empty");
    EXPECT_EQ(call("list_files", R"({"path":"empty"})").text, "[the directory is empty]\n");
    const Finished limited = call("list_files", R"({"limit":2})");
    EXPECT_EQ(limited.text, ".git/\nB\n[only the first 2 entries are listed]\n");
    EXPECT_TRUE(limited.truncated);
    refuses("list_files", R"({"path":"a"})", "a: leads out of the workspace");
    refuses("list_files", R"({"path":"c"})", "c: is not a directory");
}

TEST_F(FileTools, ListFilesStopsAtItsDepth) {
    std::string path;
    for (int i = 0; i < 5; ++i) {
        path += (path.empty() ? "" : "/") + std::string("d");
        directory(path);
    }
    EXPECT_EQ(call("list_files", R"({"recursive":true,"max_depth":2})").text, "d/\nd/d/\n");
}

TEST_F(FileTools, GrepSearchFindsLines) {
    directory("src");
    directory(".git");
    runner_.write("src/a.cpp", "int main() {\n  return Answer(42);\n}\n");
    runner_.write("src/b.hpp", "int answer(int);\n");
    runner_.write(".git/x", "answer");
    runner_.write("binary", std::string("answer\0", 7));
    link("outside", "/etc/passwd");
    EXPECT_EQ(
        call("grep_search", R"({"pattern":"answer\\("})").text, "src/b.hpp:1:int answer(int);\n");
    EXPECT_EQ(
        call("grep_search", R"({"pattern":"answer\\(","ignore_case":true})").text,
        "src/a.cpp:2:  return Answer(42);\nsrc/b.hpp:1:int answer(int);\n");
    EXPECT_EQ(
        call("grep_search", R"({"pattern":"int","glob":"*.hpp"})").text,
        "src/b.hpp:1:int answer(int);\n");
    EXPECT_EQ(
        call("grep_search", R"({"pattern":"int","path":"src/a.cpp"})").text,
        "src/a.cpp:1:int main() {\n");
    EXPECT_EQ(call("grep_search", R"({"pattern":"root:"})").text, "[no match in 2 files]\n");
    const Finished limited = call("grep_search", R"({"pattern":".","limit":1})");
    EXPECT_TRUE(limited.truncated);
    EXPECT_NE(limited.text.find("only the first 1 matches"), std::string::npos);
}

TEST_F(FileTools, GrepSearchBoundsItsPattern) {
    refuses(
        "grep_search",
        R"x({"pattern":"a(b"})x",
        "grep_search.pattern is not valid at byte 3: missing closing parenthesis");
    refuses("grep_search", R"({"pattern":"a","path":"none"})", "none: does not exist");
    runner_.write("evil", std::string(40, 'a') + "!\n");
    const Finished hard = call("grep_search", R"x({"pattern":"^(a|aa)+$"})x");
    EXPECT_EQ(hard.kind, Kind::ok);
    EXPECT_NE(hard.text.find("too hard for this pattern"), std::string::npos) << hard.text;
}

TEST_F(FileTools, WriteFileReplacesAtomically) {
    const Finished written = call("write_file", R"({"path":"new.txt","content":"caf\u00e9\n"})");
    EXPECT_EQ(written.kind, Kind::ok) << written.text;
    EXPECT_EQ(runner_.read("new.txt"), "caf\u00e9\n");
    EXPECT_NE(written.text.find(codec::sha256("caf\u00e9\n").to_hex()), std::string::npos);
    ASSERT_EQ(::chmod((runner_.workspace() / "new.txt").c_str(), 0755), 0);
    EXPECT_EQ(call("write_file", R"({"path":"new.txt","content":""})").kind, Kind::ok);
    EXPECT_EQ(runner_.read("new.txt"), "");
    struct stat state = {};
    ASSERT_EQ(::stat((runner_.workspace() / "new.txt").c_str(), &state), 0);
    EXPECT_EQ(state.st_mode & 0777U, 0755U);
    EXPECT_EQ(call("list_files", "{}").text, "new.txt\n");
}

TEST_F(FileTools, WriteFileKeepsItsPrecondition) {
    runner_.write("f", "old");
    const std::string old = codec::sha256("old").to_hex();
    const auto input = [](const std::string& path, const std::string& expected) {
        return codec::canonical_json(
            Json::object({{"path", path}, {"content", "new"}, {"expected_sha256", expected}}));
    };
    refuses("write_file", input("f", codec::sha256("x").to_hex()), "has SHA-256 " + old);
    EXPECT_EQ(runner_.read("f"), "old");
    refuses("write_file", input("absent", old), "does not exist");
    EXPECT_EQ(call("write_file", input("f", old)).kind, Kind::ok);
    EXPECT_EQ(runner_.read("f"), "new");
    // Repeated with the same key, as after a crash: already done, so done.
    EXPECT_EQ(call("write_file", input("f", old)).kind, Kind::ok);
}

TEST_F(FileTools, WriteFileRefusesWhatItMustNotReplace) {
    directory("d");
    link("out", "/etc/passwd");
    link("dir", "/tmp");
    ASSERT_EQ(::mkfifo((runner_.workspace() / "fifo").c_str(), 0666), 0);
    refuses("write_file", R"({"path":"d","content":""})", "d: is a directory");
    refuses("write_file", R"({"path":"out","content":""})", "out: is a symbolic link");
    refuses("write_file", R"({"path":"dir/x","content":""})", "dir/x: is");
    refuses("write_file", R"({"path":"fifo","content":""})", "fifo: is not a regular file");
    refuses("write_file", R"({"path":"no/x","content":""})", "no/x: does not exist");
    EXPECT_EQ(
        call("write_file", R"({"path":"no/such/x","content":"y","create_directories":true})").kind,
        Kind::ok);
    EXPECT_EQ(runner_.read("no/such/x"), "y");
}

TEST_F(FileTools, LargeInputsComeBySealedMemfd) {
    const std::string content(3'000'000, 'z');
    const std::string input =
        codec::canonical_json(Json::object({{"path", "big"}, {"content", content}}));
    Result<Fd> file = codec::runner::sealed_input(input);
    ASSERT_TRUE(file.has_value());
    codec::runner::Execute execute;
    execute.call = CallId{"large"};
    execute.tool = "write_file";
    execute.input_in_memfd = true;
    execute.timeout_ms = 20'000;
    execute.output_limit_bytes = 1;
    std::vector<Fd> descriptors;
    descriptors.push_back(std::move(*file));
    client_.send(execute, std::move(descriptors));
    EXPECT_EQ(client_.wait(CallId{"large"}).kind, Kind::ok);
    EXPECT_EQ(runner_.read("big"), content);
}

TEST_F(FileTools, UnknownToolsAreRefused) {
    refuses("rm", "{}", "the runner has no tool \"rm\"");
    refuses("emit_output", R"({"content":"x"})", "the runner has no tool \"emit_output\"");
}

class EditFile : public FileTools {
  protected:
    static constexpr const char* kEdit = R"({"path":"a","old_string":"two","new_string":"2"})";

    /// As after a loss of its first execution's runner.
    Finished again(const codec::ContentChange& recorded) {
        codec::runner::Execute edit = the_edit();
        edit.recorded = recorded;
        client_.send(edit);
        return client_.wait(edit.call);
    }
    static codec::runner::Execute the_edit() {
        codec::runner::Execute execute;
        execute.call = CallId{"edit"};
        execute.tool = "edit_file";
        execute.input = kEdit;
        execute.timeout_ms = 20'000;
        execute.output_limit_bytes = 1 << 20;
        return execute;
    }
    codec::ContentChange change_{codec::sha256("one two three"), codec::sha256("one 2 three")};
};

TEST_F(EditFile, ReplacesTheOnePlace) {
    runner_.write("a", "one two three");
    const Finished finished = call("edit_file", kEdit);
    EXPECT_EQ(finished.kind, Kind::ok) << finished.text;
    EXPECT_EQ(
        finished.text,
        "replaced 1 occurrence in a, 11 bytes, SHA-256 " + change_.after.to_hex() + "\n");
    EXPECT_EQ(runner_.read("a"), "one 2 three");
}

TEST_F(EditFile, ReplacesEveryPlaceWhereThatIsWished) {
    runner_.write("a", "aaaa b aa");
    refuses(
        "edit_file",
        R"({"path":"a","old_string":"aa","new_string":"a"})",
        "holds old_string 3 times");
    EXPECT_EQ(runner_.read("a"), "aaaa b aa");
    const Finished finished =
        call("edit_file", R"({"path":"a","old_string":"aa","new_string":"a","replace_all":true})");
    EXPECT_EQ(finished.kind, Kind::ok) << finished.text;
    EXPECT_EQ(runner_.read("a"), "aa b a");
}

TEST_F(EditFile, RefusesWhatItCannotEdit) {
    runner_.write("a", "one");
    refuses("edit_file", kEdit, "a: does not hold old_string");
    runner_.write("a", std::string("two\0", 4));
    refuses("edit_file", kEdit, "a: is not UTF-8 text");
    runner_.write("a", "two \xff");
    refuses("edit_file", kEdit, "a: is not UTF-8 text");
    refuses("edit_file", R"({"path":"b","old_string":"x","new_string":"y"})", "b: does not exist");
    link("link", "a");
    refuses("edit_file", R"({"path":"link","old_string":"x","new_string":"y"})", "link: ");
    directory("d");
    refuses("edit_file", R"({"path":"d","old_string":"x","new_string":"y"})", "d: ");
}

TEST_F(EditFile, ChangesNothingBeforeItMay) {
    runner_.write("a", "one two three");
    const CallId id = client_.start("edit_file", kEdit, 1000);
    const codec::runner::Message message = client_.receive();
    const codec::runner::Prepared* prepared = std::get_if<codec::runner::Prepared>(&message);
    ASSERT_NE(prepared, nullptr);
    EXPECT_EQ(prepared->change, change_);
    EXPECT_EQ(runner_.read("a"), "one two three");
    // Its time stands still: that of a call that began after it runs out.
    const CallId other = client_.start("bash", R"({"command":"sleep 60"})", 1000);
    EXPECT_EQ(client_.wait(other).kind, Kind::timed_out);
    client_.send(codec::runner::Cancel{id});
    EXPECT_EQ(client_.wait(id).kind, Kind::cancelled);
    EXPECT_EQ(runner_.read("a"), "one two three");
}

TEST_F(EditFile, WhoeverAsksForItAgainIsToldAgainWhatIsPrepared) {
    runner_.write("a", "one two three");
    const codec::runner::Execute execute = the_edit();
    client_.send(execute);
    ASSERT_TRUE(std::holds_alternative<codec::runner::Prepared>(client_.receive()));
    client_.send(execute);
    ASSERT_TRUE(std::holds_alternative<codec::runner::Prepared>(client_.receive()));
    client_.send(codec::runner::Proceed{execute.call});
    EXPECT_EQ(client_.wait(execute.call).kind, Kind::ok);
    EXPECT_EQ(runner_.read("a"), "one 2 three");
}

TEST_F(EditFile, LooksForAnEditThatMayHaveBeenMade) {
    runner_.write("a", "one two three");
    EXPECT_EQ(again(change_).kind, Kind::ok); // it had not been
    EXPECT_EQ(runner_.read("a"), "one 2 three");
}

TEST_F(EditFile, DoesNotRepeatOneThatWasMade) {
    runner_.write("a", "one 2 three");
    const Finished finished = again(change_);
    EXPECT_EQ(finished.kind, Kind::ok) << finished.text;
    EXPECT_NE(finished.text.find("before it was interrupted"), std::string::npos);
    EXPECT_EQ(runner_.read("a"), "one 2 three");
}

TEST_F(EditFile, LeavesAloneWhatSomebodyElseHasChangedMeanwhile) {
    runner_.write("a", "one two three four");
    const Finished finished = again(change_);
    EXPECT_EQ(finished.kind, Kind::failed);
    EXPECT_NE(finished.text.find("neither what it was before"), std::string::npos) << finished.text;
    EXPECT_EQ(runner_.read("a"), "one two three four");
}

} // namespace
} // namespace kheish::testing
