#include "journal/governance_statements.hpp"
#include "journal/list_query.hpp"
#include "journal/sqlite.hpp"
#include "journal/sqlite_journal.hpp"
#include "journal/statements.hpp"
#include "journal/writer.hpp"

/// The reading half of SqliteJournal.
namespace kheish::journal {

namespace {

std::int64_t number_of(const SessionRow& row) {
    return row.number;
}
std::int64_t number_of(const RunRow& row) {
    return row.run.number;
}
std::int64_t number_of(const ToolCallRow& row) {
    return row.number;
}
std::int64_t number_of(const ApprovalRow& row) {
    return row.number;
}
std::int64_t number_of(const OutputRow& row) {
    return row.index;
}
std::int64_t number_of(const TokenRow& row) {
    return row.number;
}
std::int64_t number_of(const GrantRow& row) {
    return row.number;
}
std::int64_t number_of(const SecretRow& row) {
    return row.number;
}
std::int64_t number_of(const SubjectRow& row) {
    return row.number;
}

template <class Row>
Result<Page<Row>> read_page(
    Database& database,
    const ListQuery& list,
    std::string_view columns,
    std::string_view key,
    const PageRequest& request) {
    KHEISH_TRY(Query query, list.select(database, columns, key, request));
    Page<Row> page;
    for (;;) {
        KHEISH_TRY(const bool has_row, query.step());
        if (!has_row)
            return page;
        if (page.items.size() == request.limit) {
            page.has_more = true;
            page.next = number_of(page.items.back());
            return page;
        }
        KHEISH_CHECK(query.read_tuple(sql::read(page.items.emplace_back())));
    }
}

/// The one row whose `key` is `values`, or `missing`.
template <class Row, class... Values>
Result<Row> read_one(
    Database& database,
    std::string_view columns,
    std::string_view table_and_key,
    Error missing,
    const Values&... values) {
    KHEISH_TRY(
        Query query,
        database.query("SELECT " + std::string(columns) + " FROM " + std::string(table_and_key)));
    query.bind_all(values...);
    KHEISH_TRY(const bool found, query.step());
    if (!found)
        return fail(std::move(missing));
    Row row;
    KHEISH_CHECK(query.read_tuple(sql::read(row)));
    return row;
}

Error missing(Errc code, const std::string& what) {
    return Error{.code = code, .message = "there is no " + what};
}

Status read_event(Query& query, StoredEvent& stored) {
    NewEvent& event = stored.event;
    std::string refs;
    KHEISH_CHECK(query.read_all(
        stored.seq,
        event.session,
        event.run,
        event.agent,
        event.at_us,
        event.type,
        event.version,
        event.authority,
        event.body,
        refs));
    KHEISH_TRY(event.blob_refs, decode_blob_refs(refs));
    return {};
}

ListQuery list_of(const SessionFilter& filter) {
    ListQuery list("sessions");
    list.where("owner = ?", filter.owner);
    if (filter.ended)
        list.where(*filter.ended ? "ended_us IS NOT NULL" : "ended_us IS NULL");
    return list;
}

ListQuery list_of(const RunFilter& filter) {
    ListQuery list("runs");
    list.where("session_id = ?", filter.session);
    list.where("owner = ?", filter.owner);
    list.where("status = ?", filter.status);
    if (filter.live)
        list.where(*filter.live ? "finished_us IS NULL" : "finished_us IS NOT NULL");
    return list;
}

ListQuery list_of(const ApprovalFilter& filter) {
    ListQuery list("approvals");
    list.where("session_id = ?", filter.session);
    list.where("run_id = ?", filter.run);
    list.where("session_id IN (SELECT session_id FROM sessions WHERE owner = ?)", filter.owner);
    list.where(
        "EXISTS (SELECT 1 FROM (SELECT ? AS who) WHERE "
        "session_id IN (SELECT session_id FROM sessions WHERE owner = who) OR "
        "instr(' ' || escalated_to || ' ', ' ' || who || ' ') > 0)",
        filter.decider);
    // The text of the partial index's own condition lets SQLite use it.
    if (filter.state == ApprovalState::pending)
        list.where("state = 'pending'");
    else
        list.where("state = ?", filter.state);
    if (filter.questions)
        list.where(*filter.questions ? "kind = 'question'" : "kind <> 'question'");
    return list;
}

ListQuery list_of_run(std::string_view table, RunId run) {
    ListQuery list(table);
    list.where("run_id = ?", std::optional<RunId>(run));
    return list;
}

} // namespace

Result<Page<StoredEvent>>
SqliteJournal::events(EventSeq after, const EventFilter& filter, std::size_t limit) const {
    ListQuery list("events");
    list.where("session_id = ?", filter.session);
    list.where("run_id = ?", filter.run);
    KHEISH_TRY(
        Query query,
        list.select(
            *database_,
            sql::kEventColumns,
            "seq",
            {.after = after, .limit = limit, .order = Order::ascending}));
    Page<StoredEvent> page;
    page.next = after;
    std::size_t bytes = 0;
    for (;;) {
        KHEISH_TRY(const bool has_row, query.step());
        if (!has_row)
            return page;
        if (page.items.size() == limit || bytes >= kPageBytesLimit) {
            page.has_more = true;
            return page;
        }
        StoredEvent& stored = page.items.emplace_back();
        KHEISH_CHECK(read_event(query, stored));
        bytes += stored.event.body.size();
        page.next = stored.seq;
    }
}

Result<std::string> SqliteJournal::blob(const codec::Digest& digest) const {
    KHEISH_TRY(Query query, database_->query(sql::kSelectBlob));
    query.bind_all(digest);
    KHEISH_TRY(const bool found, query.step());
    if (!found)
        return fail(missing(Errc::not_found, "blob " + digest.to_hex()));
    int codec = 0;
    std::optional<std::string> data;
    KHEISH_CHECK(query.read_all(codec, data));
    if (!data)
        return fail(Errc::not_found, "blob " + digest.to_hex() + " has been pruned");
    if (codec != 0 || codec::sha256(*data) != digest) {
        const Error error{
            .code = Errc::journal_corrupt,
            .message = "blob " + digest.to_hex() + " is not what its digest says"};
        database_->note_corruption(error);
        return fail(error);
    }
    return *std::move(data);
}

Result<SessionRow> SqliteJournal::session(const SessionId& session) const {
    return read_one<SessionRow>(
        *database_,
        sql::kSessionColumns,
        "sessions WHERE session_id = ?",
        missing(Errc::session_not_found, "session '" + session.value + "'"),
        session);
}

Result<RunRow> SqliteJournal::run(RunId run) const {
    return read_one<RunRow>(
        *database_,
        sql::kRunColumns,
        "runs WHERE run_id = ?",
        missing(Errc::run_not_found, run.to_string()),
        run);
}

Result<ToolCallRow> SqliteJournal::tool_call(RunId run, const CallId& call) const {
    return read_one<ToolCallRow>(
        *database_,
        sql::kToolCallColumns,
        "tool_calls WHERE run_id = ? AND call_id = ?",
        missing(Errc::not_found, "call '" + call.value + "' of " + run.to_string()),
        run,
        call);
}

Result<ApprovalRow> SqliteJournal::approval(const ApprovalId& approval) const {
    return read_one<ApprovalRow>(
        *database_,
        sql::kApprovalColumns,
        "approvals WHERE approval_id = ?",
        missing(Errc::approval_not_found, "approval '" + approval.value + "'"),
        approval);
}

Result<TokenRow> SqliteJournal::token(const std::string& name) const {
    return read_one<TokenRow>(
        *database_,
        sql::kTokenColumns,
        "tokens WHERE name = ?",
        missing(Errc::not_found, "token " + name),
        name);
}

Result<GrantRow> SqliteJournal::grant(const std::string& grant) const {
    return read_one<GrantRow>(
        *database_,
        sql::kGrantColumns,
        "grants WHERE grant_id = ?",
        missing(Errc::not_found, "grant '" + grant + "'"),
        grant);
}

Result<SecretRow> SqliteJournal::secret(const std::string& name) const {
    return read_one<SecretRow>(
        *database_,
        sql::kSecretColumns,
        "secrets WHERE name = ?",
        missing(Errc::not_found, "secret '" + name + "'"),
        name);
}

Result<std::optional<IdempotencyReceipt>>
SqliteJournal::receipt(const std::string& scope, const codec::Digest& key_digest) const {
    KHEISH_TRY(Query query, database_->query(sql::kSelectReceipt));
    query.bind_all(scope, key_digest);
    KHEISH_TRY(const bool found, query.step());
    std::optional<IdempotencyReceipt> result;
    if (!found)
        return result;
    IdempotencyReceipt& receipt = result.emplace();
    KHEISH_CHECK(query.read_all(
        receipt.scope,
        receipt.key_digest,
        receipt.fingerprint,
        receipt.run,
        receipt.result,
        receipt.created_us));
    return result;
}

Result<Page<SessionRow>>
SqliteJournal::sessions(const SessionFilter& filter, const PageRequest& page) const {
    return read_page<SessionRow>(*database_, list_of(filter), sql::kSessionColumns, "number", page);
}

Result<Page<RunRow>> SqliteJournal::runs(const RunFilter& filter, const PageRequest& page) const {
    return read_page<RunRow>(*database_, list_of(filter), sql::kRunColumns, "run_id", page);
}

Result<Page<ToolCallRow>> SqliteJournal::tool_calls(RunId run, const PageRequest& page) const {
    return read_page<ToolCallRow>(
        *database_, list_of_run("tool_calls", run), sql::kToolCallColumns, "number", page);
}

Result<Page<ApprovalRow>>
SqliteJournal::approvals(const ApprovalFilter& filter, const PageRequest& page) const {
    return read_page<ApprovalRow>(
        *database_, list_of(filter), sql::kApprovalColumns, "number", page);
}

Result<Page<OutputRow>> SqliteJournal::outputs(RunId run, const PageRequest& page) const {
    return read_page<OutputRow>(
        *database_, list_of_run("outputs", run), sql::kOutputColumns, "output_index", page);
}

Result<Page<TokenRow>> SqliteJournal::tokens(const PageRequest& page) const {
    ListQuery list("tokens");
    list.where("revoked_us IS NULL");
    return read_page<TokenRow>(*database_, list, sql::kTokenColumns, "number", page);
}

Result<Page<GrantRow>> SqliteJournal::live_grants(const PageRequest& page) const {
    ListQuery list("grants");
    list.where(sql::kGrantMayHold);
    return read_page<GrantRow>(*database_, list, sql::kGrantColumns, "number", page);
}

Result<std::int64_t> SqliteJournal::count_grants() const {
    return ListQuery("grants").count(*database_);
}

Result<Page<SecretRow>> SqliteJournal::secrets(const PageRequest& page) const {
    return read_page<SecretRow>(
        *database_, ListQuery("secrets"), sql::kSecretColumns, "number", page);
}

Result<Page<SubjectRow>> SqliteJournal::subjects(const PageRequest& page) const {
    return read_page<SubjectRow>(
        *database_, ListQuery("subjects"), sql::kSubjectColumns, "number", page);
}

Result<std::int64_t> SqliteJournal::count_sessions(const SessionFilter& filter) const {
    return list_of(filter).count(*database_);
}

Result<std::int64_t> SqliteJournal::count_runs(const RunFilter& filter) const {
    return list_of(filter).count(*database_);
}

Result<std::int64_t> SqliteJournal::count_approvals(const ApprovalFilter& filter) const {
    return list_of(filter).count(*database_);
}

Result<LivePage> SqliteJournal::live_runs(const LiveCursor& after, std::size_t limit) const {
    KHEISH_CHECK(check_limit(limit));
    KHEISH_TRY(Query query, database_->query(sql::live_runs()));
    query.bind_all(after.session, after.queue_position, after.run_number, limit + 1);
    LivePage page;
    for (;;) {
        KHEISH_TRY(const bool has_row, query.step());
        page.has_more = has_row && page.items.size() == limit;
        if (!has_row || page.has_more)
            break;
        KHEISH_CHECK(query.read_tuple(sql::read(page.items.emplace_back())));
    }
    if (!page.items.empty()) {
        const RunRow& last = page.items.back();
        page.next = {last.session, last.queue_position.value_or(-1), last.run.number};
    }
    return page;
}

Result<std::vector<StatusCount>>
SqliteJournal::run_counts(const std::optional<SessionId>& session) const {
    KHEISH_TRY(Query query, database_->query(session ? sql::kRunCountsOfSession : sql::kRunCounts));
    if (session)
        query.bind_all(*session);
    std::vector<StatusCount> counts;
    for (;;) {
        KHEISH_TRY(const bool has_row, query.step());
        if (!has_row)
            return counts;
        StatusCount& count = counts.emplace_back();
        KHEISH_CHECK(query.read_all(count.status, count.count));
    }
}

} // namespace kheish::journal
