#include "support.hpp"

#include "journal/checksum_vfs.hpp"
#include "journal/sqlite.hpp"

#include <cstdlib>
#include <filesystem>
#include <utility>

#include <gtest/gtest.h>

namespace kheish::journal {

TemporaryDirectory::TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "kheish-journal-XXXXXX").string();
    KHEISH_ASSERT(::mkdtemp(name.data()) != nullptr);
    path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
    std::error_code ignored; // what is left behind in a temporary directory harms no test
    std::filesystem::remove_all(path_, ignored);
}

void CountingEntropy::fill(std::span<std::byte> bytes) {
    for (std::byte& byte : bytes)
        byte = std::byte{++next_};
}

namespace {

/// A plain connection, without the journal's own restrictions.
SqliteHandle open_raw(const std::string& path) {
    sqlite3* raw = nullptr;
    // What is written behind the journal's back is still written by a disk that works.
    constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    const std::string vfs = checksum_vfs({});
    KHEISH_ASSERT(sqlite3_open_v2(path.c_str(), &raw, kFlags, vfs.c_str()) == SQLITE_OK);
    return SqliteHandle(raw);
}

int collect(void* context, int count, char** values, char** /*names*/) noexcept {
    if (count > 0)
        static_cast<std::vector<std::string>*>(context)->emplace_back(
            values[0] != nullptr ? values[0] : "NULL");
    return 0;
}

} // namespace

std::vector<std::string> raw_sql(const std::string& path, const std::string& sql) {
    const SqliteHandle database = open_raw(path);
    std::vector<std::string> rows;
    const int code = sqlite3_exec(database.get(), sql.c_str(), &collect, &rows, nullptr);
    EXPECT_EQ(code, SQLITE_OK) << sqlite3_errmsg(database.get());
    return rows;
}

std::string raw_sql_error(const std::string& path, const std::string& sql) {
    const SqliteHandle database = open_raw(path);
    const int code = sqlite3_exec(database.get(), sql.c_str(), nullptr, nullptr, nullptr);
    EXPECT_NE(code, SQLITE_OK) << sql;
    return sqlite3_errmsg(database.get());
}

NewEvent make_event(const std::string& session, std::optional<std::int64_t> run) {
    NewEvent event;
    event.session = {session};
    if (run)
        event.run = RunId{*run};
    event.agent = {"agent-" + session};
    event.at_us = 1'700'000'000'000'001;
    event.type = run ? "run.accepted" : "session.created";
    event.authority = "user:1000";
    event.body = "{}";
    return event;
}

SessionRow make_session(const std::string& name, const std::string& owner) {
    SessionRow row;
    row.session = {name};
    row.owner = owner;
    row.run_as = 1000;
    row.workspace = "/home/alice/repo";
    row.created_us = 1'700'000'000'000'001;
    return row;
}

RunRow make_run(std::int64_t number, const std::string& session) {
    RunRow row;
    row.run = RunId{number};
    row.session = {session};
    row.agent = {"agent-" + session};
    row.kind = "input";
    row.status = "queued";
    row.wait_reason = "queue";
    row.queue_position = 0;
    row.submitted_us = 1'700'000'000'000'002;
    row.updated_us = 1'700'000'000'000'002;
    row.route = "scripted";
    row.model = "scripted";
    row.mode = "default";
    row.text_preview = kInputText;
    row.input = codec::blob_ref(kInputText);
    return row;
}

Write session_write(const std::string& name, const std::string& owner) {
    Write write;
    write.events.push_back(make_event(name, std::nullopt));
    write.rows.emplace_back(make_session(name, owner));
    return write;
}

Write run_write(std::int64_t number, const std::string& session) {
    Write write;
    write.blobs.emplace_back(kInputText);
    write.events.push_back(make_event(session, number));
    write.events.back().blob_refs.push_back(codec::blob_ref(kInputText));
    write.rows.emplace_back(make_run(number, session));
    return write;
}

Responder<Committed> Answer::responder() const {
    return Responder<Committed>(
        [value = value](Result<Committed> result) { value->emplace(std::move(result)); });
}

JournalFile::JournalFile(std::string vfs) : vfs_(std::move(vfs)) {
    const Status opened = reopen();
    KHEISH_ASSERT(opened.has_value());
}

Status JournalFile::reopen() {
    journal_.reset();
    Options options;
    options.vfs = vfs_;
    KHEISH_TRY(journal_, SqliteJournal::open(path(), std::move(options), clock, entropy));
    return {};
}

Answer JournalFile::submit(Write write) {
    Answer answer;
    journal_->submit(std::move(write), answer.responder());
    return answer;
}

Result<Committed> JournalFile::write(Write write) {
    const Answer answer = submit(std::move(write));
    const Status committed = journal_->commit();
    KHEISH_ASSERT(answer.has_value());
    KHEISH_ASSERT(committed.has_value() || !answer->has_value());
    return *answer;
}

Write rows_write(std::vector<Row> rows, std::vector<std::string> blobs) {
    Write write;
    write.rows = std::move(rows);
    write.blobs = std::move(blobs);
    return write;
}

} // namespace kheish::journal
