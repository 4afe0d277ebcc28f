#include "upkeep/export.hpp"

#include "base/fd.hpp"
#include "control/stored_record.hpp"
#include "journal/sqlite_journal.hpp"

#include <set>
#include <vector>

namespace kheish::upkeep {

namespace {

using codec::Json;

std::string line_of(const journal::StoredEvent& stored) {
    Json event = control::event_members(stored);
    std::vector<Json> refs;
    for (const codec::BlobRef& ref : stored.event.blob_refs)
        refs.push_back(Json::object({{"sha256", ref.digest.to_hex()}, {"size", ref.size_bytes}}));
    event.set("blobs", Json::array(std::move(refs)));
    std::string line = codec::canonical_json(event);
    // Not parsed and printed: byte for byte.
    line.pop_back();
    return line + ",\"body\":" + stored.event.body + "}\n";
}

class Exporter {
  public:
    Exporter(const journal::Journal& journal, int fd, bool content)
        : journal_(journal), fd_(fd), content_(content) {}

    Status run(EventSeq after) {
        for (;;) {
            KHEISH_TRY(
                const journal::Page<journal::StoredEvent> page,
                journal_.events(after, {}, journal::kPageLimit));
            for (const journal::StoredEvent& stored : page.items) {
                if (content_)
                    KHEISH_CHECK(write_content(stored.event.blob_refs));
                KHEISH_CHECK(write_all(fd_, line_of(stored)));
            }
            after = page.next;
            if (!page.has_more)
                return {};
        }
    }

  private:
    Status write_content(const std::vector<codec::BlobRef>& refs) {
        for (const codec::BlobRef& ref : refs) {
            if (!written_.insert(ref.digest).second)
                continue;
            const Result<std::string> data = journal_.blob(ref.digest);
            if (!data && data.error().code == Errc::not_found)
                continue;
            if (!data)
                return fail(data.error());
            const Json line = Json::object({
                {"sha256", ref.digest.to_hex()},
                {"size", ref.size_bytes},
                {"base64", codec::base64_encode(*data)},
            });
            KHEISH_CHECK(write_all(fd_, codec::canonical_json(line) + "\n"));
        }
        return {};
    }

    const journal::Journal& journal_;
    int fd_;
    bool content_;
    std::set<codec::Digest> written_;
};

} // namespace

Status
export_events(const std::string& path, int fd, EventSeq after, bool content, const Clock& clock) {
    KHEISH_TRY(
        const std::unique_ptr<journal::SqliteJournal> journal,
        journal::SqliteJournal::open_to_read(path, clock));
    return Exporter(*journal, fd, content).run(after);
}

} // namespace kheish::upkeep
