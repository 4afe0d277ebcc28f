#include "upkeep/verification.hpp"

#include "control/conversions.hpp"
#include "control/grant_projection.hpp"
#include "control/row_audit.hpp"
#include "control/secret_projection.hpp"
#include "control/session_projection.hpp"
#include "control/subject_projection.hpp"
#include "control/token_projection.hpp"
#include "engine/session_state.hpp"
#include "journal/inspection.hpp"
#include "journal/sqlite_journal.hpp"

#include <map>
#include <set>

namespace kheish::upkeep {

namespace {

/// The events of the journal against each other, and its rows against them.
class Replay {
  public:
    Replay(const journal::Journal& journal, journal::Report& report)
        : journal_(journal), report_(report) {}

    Status run(Verdict& verdict) {
        KHEISH_CHECK(read_events());
        for (const auto& [session, row] : sessions_)
            check_session(row);
        for (const auto& [name, row] : tokens_)
            if (row)
                check_token(*row);
        for (const auto& [name, row] : secrets_)
            if (row)
                check_secret(*row);
        for (const auto& [id, row] : grants_)
            if (row)
                check_grant(*row);
        for (const RunId run : runs_)
            KHEISH_CHECK(check_run(run));
        KHEISH_CHECK(check_totals());
        verdict.sessions = std::ssize(sessions_);
        verdict.runs = std::ssize(runs_);
        return {};
    }

  private:
    Status read_events() {
        EventSeq cursor = 0;
        for (;;) {
            KHEISH_TRY(
                const journal::Page<journal::StoredEvent> page,
                journal_.events(cursor, {}, journal::kPageLimit));
            for (const journal::StoredEvent& stored : page.items)
                take(stored);
            cursor = page.next;
            if (!page.has_more)
                return {};
        }
    }

    void take(const journal::StoredEvent& stored) {
        const Result<engine::Event> event = control::to_event(stored);
        if (!event)
            return report_(event.error().message);
        const std::string where = "event " + std::to_string(event->seq) + ": ";
        if (engine::is_governance(event->body))
            return take_governance(*event, where);
        if (event->run)
            runs_.insert(event->run);
        take_grant(*event, where);
        if (const Status applied = engine::apply(lines_[event->session], *event); !applied)
            report_(where + applied.error().message);
        const auto known = sessions_.find(event->session);
        if (known != sessions_.end())
            return control::follow_session(known->second, *event);
        Result<journal::SessionRow> row = control::begin_session_row(*event);
        if (!row)
            return report_(where + row.error().message);
        sessions_.emplace(event->session, std::move(*row));
    }

    void
    take_secret(const std::string& name, const engine::Event& event, const std::string& where) {
        std::optional<journal::SecretRow>& known = secrets_[name];
        Result<journal::SecretRow> row = control::follow_secret(known, event);
        if (row)
            known = *std::move(row);
        else
            report_(where + row.error().message);
    }

    void
    take_subject(const std::string& subject, const engine::Event& event, const std::string& where) {
        std::optional<journal::SubjectRow>& known = subjects_[subject];
        Result<journal::SubjectRow> row = control::follow_subject(known, event);
        if (row)
            known = *std::move(row);
        else
            report_(where + row.error().message);
    }

    /// One that is missing would let somebody ask who was kept from it.
    Status check_subjects() {
        std::size_t found = 0;
        journal::PageRequest request{.after = {}, .limit = journal::kPageLimit};
        for (;;) {
            KHEISH_TRY(const journal::Page<journal::SubjectRow> page, journal_.subjects(request));
            for (journal::SubjectRow row : page.items) {
                const auto expected = subjects_.find(row.subject);
                row.number = 0;
                if (expected == subjects_.end() || expected->second != row)
                    report_("the row of " + row.subject + " is not what its events make");
                ++found;
            }
            if (!page.has_more)
                break;
            request.after = page.next;
        }
        if (found != subjects_.size())
            report_("a subject has events and no row");
        return {};
    }

    /// What is sealed is in no event; that nothing is there any more is in them.
    void check_secret(journal::SecretRow expected) {
        const Result<journal::SecretRow> stored = journal_.secret(expected.name);
        if (!stored)
            return report_("secret " + expected.name + " has events and no row");
        if (expected.state == journal::SecretState::stored) {
            expected.value = stored->value;
            expected.data_key = stored->data_key;
            expected.master_key = stored->master_key;
        }
        expected.number = stored->number;
        if (*stored != expected)
            report_("the row of secret " + expected.name + " is not what its events make");
    }

    void take_governance(const engine::Event& event, const std::string& where) {
        if (const std::optional<std::string> secret = control::secret_of(event))
            return take_secret(*secret, event, where);
        if (const std::optional<std::string> subject = control::subject_of(event))
            return take_subject(*subject, event, where);
        const std::optional<std::string> name = control::token_of(event);
        if (!name)
            return;
        std::optional<journal::TokenRow>& known = tokens_[*name];
        Result<journal::TokenRow> row = control::follow_token(known, event);
        if (row)
            known = *std::move(row);
        else
            report_(where + row.error().message);
    }

    void take_grant(const engine::Event& event, const std::string& where) {
        const std::optional<std::string> id = control::grant_id_of(event);
        if (!id)
            return;
        std::optional<journal::GrantRow>& known = grants_[*id];
        Result<journal::GrantRow> row = control::follow_grant(known, event);
        if (row)
            known = *std::move(row);
        else
            report_(where + row.error().message);
    }

    void check_grant(journal::GrantRow expected) {
        const Result<journal::GrantRow> stored = journal_.grant(expected.grant);
        if (!stored)
            return report_(expected.grant + " has events and no row");
        expected.owner = stored->owner;
        expected.workspace = stored->workspace;
        expected.number = stored->number;
        if (*stored != expected)
            report_("the row of " + expected.grant + " is not what its events make");
    }

    void check_token(const journal::TokenRow& expected) {
        Result<journal::TokenRow> stored = journal_.token(expected.name);
        if (!stored)
            return report_("token " + expected.name + " has events and no row");
        stored->number = expected.number;
        if (*stored != expected)
            report_("the row of token " + expected.name + " is not what its events make");
    }

    void check_session(journal::SessionRow expected) {
        const Result<journal::SessionRow> stored = journal_.session(expected.session);
        const std::string name = "session " + expected.session.value;
        if (!stored)
            return report_(name + " has events and no row: " + stored.error().message);
        expected.number = stored->number;
        if (*stored != expected)
            report_("the row of " + name + " is not what its events make");
    }

    Status check_run(RunId run) {
        control::RowAudit audit([this](const std::string& finding) { report_(finding); });
        std::optional<control::RunProjection> projection;
        EventSeq cursor = 0;
        for (;;) {
            KHEISH_TRY(
                const journal::Page<journal::StoredEvent> page,
                journal_.events(cursor, {.session = {}, .run = run}, journal::kPageLimit));
            for (const journal::StoredEvent& stored : page.items) {
                const Status applied = apply(projection, stored);
                if (!applied) {
                    report_("event " + std::to_string(stored.seq) + ": " + applied.error().message);
                    return {};
                }
                audit.take(*projection);
            }
            cursor = page.next;
            if (!page.has_more)
                break;
        }
        audit.check_all(journal_);
        return {};
    }

    static Status
    apply(std::optional<control::RunProjection>& projection, const journal::StoredEvent& stored) {
        KHEISH_TRY(const engine::Event event, control::to_event(stored));
        if (projection)
            return projection->apply(event);
        KHEISH_TRY(projection, control::RunProjection::begin(event));
        return {};
    }

    /// A row that no event makes would let somebody in whom nobody has let in.
    Status check_no_other_token() {
        journal::PageRequest request{.after = {}, .limit = journal::kPageLimit};
        for (;;) {
            KHEISH_TRY(const journal::Page<journal::TokenRow> page, journal_.tokens(request));
            for (const journal::TokenRow& row : page.items)
                if (!tokens_.contains(row.name))
                    report_("there is a row of token " + row.name + " that no event makes");
            if (!page.has_more)
                return {};
            request.after = page.next;
        }
    }

    Status check_no_other_secret() {
        journal::PageRequest request{.after = {}, .limit = journal::kPageLimit};
        for (;;) {
            KHEISH_TRY(const journal::Page<journal::SecretRow> page, journal_.secrets(request));
            for (const journal::SecretRow& row : page.items)
                if (!secrets_.contains(row.name))
                    report_("there is a row of secret " + row.name + " that no event makes");
            if (!page.has_more)
                return {};
            request.after = page.next;
        }
    }

    Status check_totals() {
        KHEISH_CHECK(check_no_other_token());
        KHEISH_TRY(const std::int64_t sessions, journal_.count_sessions({}));
        KHEISH_TRY(const std::int64_t runs, journal_.count_runs({}));
        KHEISH_TRY(const std::int64_t grants, journal_.count_grants());
        KHEISH_CHECK(check_no_other_secret());
        KHEISH_CHECK(check_subjects());
        // One would allow what nobody has allowed.
        if (grants != std::ssize(grants_))
            report_("there are rows of grants that no event makes");
        if (sessions != std::ssize(sessions_))
            report_("there are rows of sessions that no event makes");
        if (runs != std::ssize(runs_))
            report_("there are rows of runs that no event makes");
        return {};
    }

    const journal::Journal& journal_;
    journal::Report& report_;
    std::map<SessionId, engine::SessionState> lines_;
    std::map<std::string, std::optional<journal::TokenRow>> tokens_;
    std::map<std::string, std::optional<journal::GrantRow>> grants_;
    std::map<std::string, std::optional<journal::SecretRow>> secrets_;
    std::map<std::string, std::optional<journal::SubjectRow>> subjects_;
    std::map<SessionId, journal::SessionRow> sessions_;
    std::set<RunId> runs_;
};

} // namespace

Result<Verdict> verify(const std::string& path, const Clock& clock) {
    Verdict verdict;
    journal::Report report = [&verdict](const std::string& finding) {
        if (verdict.details.size() < Verdict::kDetailsLimit)
            verdict.details.push_back(finding);
        ++verdict.findings;
    };
    // Damage may end an inspection, and is a finding too.
    const auto note = [&report](const Error& error) -> Status {
        if (error.code != Errc::journal_corrupt)
            return fail(error);
        report(error.message);
        return {};
    };
    if (const Status status = journal::inspect_structure(path, report); !status)
        KHEISH_CHECK(note(status.error()));
    if (const Status status = journal::inspect_mark(path, report); !status)
        KHEISH_CHECK(note(status.error()));
    if (const Result<journal::RecordCounts> counts = journal::inspect_record(path, report)) {
        verdict.events = counts->events;
        verdict.blobs = counts->blobs;
        verdict.pruned_blobs = counts->pruned_blobs;
    } else {
        KHEISH_CHECK(note(counts.error()));
    }
    const Result<std::unique_ptr<journal::SqliteJournal>> journal =
        journal::SqliteJournal::open_to_read(path, clock);
    const Status replayed =
        journal ? Replay(**journal, report).run(verdict) : Status(fail(journal.error()));
    if (!replayed)
        KHEISH_CHECK(note(replayed.error()));
    return verdict;
}

} // namespace kheish::upkeep
