#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"

#include <span>
#include <string>

namespace kheish::upkeep {

struct Options {
    enum class Verb {
        help,
        version,
        verify,
        backup,
        export_events,
        prune,
        rebuild,
        audit_list,
        audit_show,
        audit_key,
        audit_epochs,
        audit_generate_key,
        audit_rotate_key,
        audit_checkpoint,
        audit_export,
        audit_prove,
        audit_verify,
    };

    Verb verb = Verb::help;
    std::string state_directory; ///< empty: what the configuration says
    bool json = false;
    std::string text;        ///< what --help and --version print
    std::string file;        ///< of backup and audit_verify
    std::string signing_key; ///< file with the key that signs; empty: the state directory's
    std::string next_key;    ///< of audit_rotate_key: file with the next; empty: a new one
    bool is_lost = false;    ///< of audit_rotate_key: do without the former key's signature
    std::string key;         ///< of audit_verify: the public key
    std::string checkpoint;  ///< of audit_verify: file with an earlier one
    std::int64_t record = 0; ///< of audit_prove and audit_show; of audit_list: the first
    std::string run;         ///< of audit_list: only of this one
    bool log = false;        ///< of audit_checkpoint: not printed, but logged
    EventSeq after = 0;      ///< of export
    bool content = false;    ///< of export
    int older_than_days = 0; ///< of prune

    std::string journal() const { return state_directory + "/journal.db"; }
};

/// Errc::invalid_argument says what is wrong.
Result<Options> parse_options(std::span<char* const> arguments);

} // namespace kheish::upkeep
