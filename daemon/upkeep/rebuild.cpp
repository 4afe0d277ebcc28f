#include "upkeep/rebuild.hpp"

#include "base/fd.hpp"
#include "control/conversions.hpp"
#include "control/grant_projection.hpp"
#include "control/run_projection.hpp"
#include "control/secret_projection.hpp"
#include "control/session_projection.hpp"
#include "control/subject_projection.hpp"
#include "control/token_projection.hpp"
#include "journal/process_lock.hpp"
#include "journal/record_copy.hpp"
#include "journal/sqlite_journal.hpp"
#include "upkeep/durable_file.hpp"
#include "upkeep/verification.hpp"

#include <algorithm>
#include <cerrno>
#include <map>
#include <unistd.h>

namespace kheish::upkeep {

namespace {

constexpr std::int64_t kMicrosPerSecond = 1'000'000;

/// Every file that belongs to the journal at `path`, but for that itself.
Status remove_side_files(const std::string& path) {
    for (const char* suffix : {"-wal", "-shm", ".lock", ".acknowledged"})
        if (::unlink((path + suffix).c_str()) != 0 && errno != ENOENT)
            return fail_errno("removing " + path + suffix, errno, Errc::journal_unavailable);
    return {};
}

Status remove_journal(const std::string& path) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
        return fail_errno("removing " + path, errno, Errc::journal_unavailable);
    return remove_side_files(path);
}

using Sealed = std::map<std::string, journal::SecretRow>;

/// What is sealed in the old journal, as far as it can be read: no event has it.
Sealed sealed_secrets(const std::string& path, const Clock& clock) {
    Sealed sealed;
    const Result<std::unique_ptr<journal::SqliteJournal>> old =
        journal::SqliteJournal::open_to_read(path, clock);
    journal::PageRequest request{.after = {}, .limit = journal::kPageLimit};
    while (old) {
        const Result<journal::Page<journal::SecretRow>> page = (*old)->secrets(request);
        if (!page)
            break;
        for (const journal::SecretRow& row : page->items)
            sealed.emplace(row.name, row);
        if (!page->has_more)
            break;
        request.after = page->next;
    }
    return sealed;
}

/// Writes the rows that the events of `journal` make; what is `sealed` is taken as it is.
class RowWriter {
  public:
    RowWriter(journal::SqliteJournal& journal, Sealed sealed)
        : journal_(journal), sealed_(std::move(sealed)) {}

    Status write_all() {
        EventSeq cursor = 0;
        for (;;) {
            KHEISH_TRY(
                const journal::Page<journal::StoredEvent> page,
                journal_.events(cursor, {}, journal::kPageLimit));
            journal::Write write;
            for (const journal::StoredEvent& stored : page.items) {
                KHEISH_TRY(const engine::Event event, control::to_event(stored));
                KHEISH_CHECK(take(event, write));
            }
            KHEISH_CHECK(commit(std::move(write)));
            cursor = page.next;
            if (!page.has_more)
                return {};
        }
    }
    /// Those whose secret is nowhere any more.
    std::int64_t lost_secrets() const {
        return std::count_if(secrets_.begin(), secrets_.end(), [](const auto& entry) {
            return entry.second && entry.second->state == journal::SecretState::stored &&
                   entry.second->value.empty();
        });
    }
    std::int64_t runs() const { return runs_; }
    std::int64_t sessions() const { return std::ssize(sessions_); }

  private:
    Status take(const engine::Event& event, journal::Write& write) {
        if (engine::is_governance(event.body))
            return take_governance(event, write);
        KHEISH_CHECK(event.run ? take_run(event, write) : take_session(event, write));
        return take_grant(event, write);
    }

    Status take_grant(const engine::Event& event, journal::Write& write) {
        const std::optional<std::string> id = control::grant_id_of(event);
        if (!id)
            return {};
        std::optional<journal::GrantRow>& known = grants_[*id];
        KHEISH_TRY(known, control::follow_grant(std::move(known), event));
        write.rows.emplace_back(*known);
        return {};
    }

    Status take_secret(const std::string& name, const engine::Event& event, journal::Write& write) {
        std::optional<journal::SecretRow>& known = secrets_[name];
        KHEISH_TRY(known, control::follow_secret(std::move(known), event));
        const auto sealed = sealed_.find(name);
        if (known->state == journal::SecretState::stored && sealed != sealed_.end() &&
            sealed->second.version == known->version) {
            known->value = sealed->second.value;
            known->data_key = sealed->second.data_key;
            known->master_key = sealed->second.master_key;
        }
        write.rows.emplace_back(*known);
        return {};
    }

    Status take_governance(const engine::Event& event, journal::Write& write) {
        if (const std::optional<std::string> secret = control::secret_of(event))
            return take_secret(*secret, event, write);
        if (const std::optional<std::string> subject = control::subject_of(event)) {
            std::optional<journal::SubjectRow>& known = subjects_[*subject];
            KHEISH_TRY(known, control::follow_subject(std::move(known), event));
            write.rows.emplace_back(*known);
            return {};
        }
        const std::optional<std::string> name = control::token_of(event);
        if (!name)
            return {};
        std::optional<journal::TokenRow>& known = tokens_[*name];
        KHEISH_TRY(known, control::follow_token(std::move(known), event));
        write.rows.emplace_back(*known);
        return {};
    }

    Status take_session(const engine::Event& event, journal::Write& write) {
        auto known = sessions_.find(event.session);
        if (known == sessions_.end()) {
            KHEISH_TRY(journal::SessionRow row, control::begin_session_row(event));
            known = sessions_.emplace(event.session, std::move(row)).first;
        } else {
            control::follow_session(known->second, event);
        }
        write.rows.emplace_back(known->second);
        return {};
    }

    Status take_run(const engine::Event& event, journal::Write& write) {
        auto known = projections_.find(event.run);
        if (known == projections_.end()) {
            KHEISH_TRY(control::RunProjection begun, control::RunProjection::begin(event));
            known = projections_.emplace(event.run, std::move(begun)).first;
            ++runs_;
        } else {
            KHEISH_CHECK(known->second.apply(event));
        }
        for (journal::Row& row : known->second.take_changed_rows())
            write.rows.push_back(std::move(row));
        // Nothing comes after the end of a run and of its scope.
        if (const journal::RunRow row = known->second.run_row(); row.finished_us && !row.scope_open)
            projections_.erase(known);
        return {};
    }

    Status commit(journal::Write write) {
        Status written = fail(Errc::internal, "the journal has not answered");
        journal_.submit(
            std::move(write),
            Responder<journal::Committed>([&written](const Result<journal::Committed>& result) {
                written = result ? Status() : Status(fail(result.error()));
            }));
        KHEISH_CHECK(journal_.commit());
        return written;
    }

    journal::SqliteJournal& journal_;
    Sealed sealed_;
    std::map<std::string, std::optional<journal::SecretRow>> secrets_;
    std::map<std::string, std::optional<journal::SubjectRow>> subjects_;
    std::map<std::string, std::optional<journal::TokenRow>> tokens_;
    std::map<std::string, std::optional<journal::GrantRow>> grants_;
    std::map<SessionId, journal::SessionRow> sessions_;
    std::map<RunId, control::RunProjection> projections_;
    std::int64_t runs_ = 0;
};

Result<Rebuilt>
write_rows(const std::string& path, Sealed sealed, const Clock& clock, Entropy& entropy) {
    Rebuilt rebuilt;
    {
        KHEISH_TRY(
            const std::unique_ptr<journal::SqliteJournal> journal,
            journal::SqliteJournal::open(path, {}, clock, entropy));
        RowWriter writer(*journal, std::move(sealed));
        KHEISH_CHECK(writer.write_all());
        rebuilt.events = journal->newest_seq();
        rebuilt.runs = writer.runs();
        rebuilt.sessions = writer.sessions();
        rebuilt.lost_secrets = writer.lost_secrets();
    }
    KHEISH_TRY(const Verdict verdict, verify(path, clock));
    if (verdict.findings > 0)
        return fail(Errc::journal_corrupt, "the rebuilt journal: " + verdict.details.front());
    KHEISH_CHECK(journal::merge_log(path));
    return rebuilt;
}

/// `path` is the old journal before, and the new one after.
Status replace(const std::string& path, const std::string& made, const std::string& kept) {
    if (::link(path.c_str(), kept.c_str()) != 0)
        return fail_errno("keeping the old journal as " + kept, errno, Errc::journal_unavailable);
    KHEISH_CHECK(sync_directory_of(path));
    return rename_durably(made, path);
}

} // namespace

Result<Rebuilt> rebuild(const std::string& path, const Clock& clock, Entropy& entropy) {
    KHEISH_TRY(const Fd lock, journal::lock_process(path + ".lock"));
    KHEISH_CHECK(journal::merge_log(path));
    const std::string made = path + ".rebuilt";
    KHEISH_CHECK(remove_journal(made)); // of one that was interrupted
    KHEISH_CHECK(journal::copy_record(path, made, clock));
    KHEISH_TRY(Rebuilt rebuilt, write_rows(made, sealed_secrets(path, clock), clock, entropy));
    rebuilt.kept_as =
        path + ".before-rebuild-" + std::to_string(clock.now().wall_us / kMicrosPerSecond);
    KHEISH_CHECK(replace(path, made, rebuilt.kept_as));
    KHEISH_CHECK(remove_side_files(made));
    return rebuilt;
}

} // namespace kheish::upkeep
