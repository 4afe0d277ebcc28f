// The audit log: made of the journal, and checked without it.

#include "command.hpp"
#include "journal_program.hpp"

#include <iterator>

namespace kheish::ctl {

namespace {

/// `audit VERB`, with the options and flags that were given.
Result<int> run_audit(
    Session& session,
    const Invocation& invocation,
    std::string verb,
    std::initializer_list<std::string_view> options,
    std::string_view positional = {}) {
    std::vector<std::string> words{"audit", std::move(verb)};
    for (const std::string_view option : options)
        if (const std::optional<std::string> value = invocation.value(option))
            words.insert(words.end(), {std::string(option), *value});
        else if (invocation.flag(option))
            words.emplace_back(option);
    if (!positional.empty())
        words.insert(words.end(), {"--", invocation.required(positional)});
    return become_journal(session, invocation, std::move(words), "kheishctl audit");
}

Result<int> list(Session& session, const Invocation& invocation) {
    return run_audit(session, invocation, "list", {"--from", "--run-id"});
}

Result<int> show(Session& session, const Invocation& invocation) {
    return run_audit(session, invocation, "show", {}, "RECORD");
}

Result<int> key(Session& session, const Invocation& invocation) {
    return run_audit(session, invocation, "key", {"--signing-key"});
}

Result<int> epochs(Session& session, const Invocation& invocation) {
    return run_audit(session, invocation, "epochs", {});
}

Result<int> generate_key(Session& session, const Invocation& invocation) {
    return run_audit(session, invocation, "generate-key", {});
}

Result<int> rotate_key(Session& session, const Invocation& invocation) {
    return run_audit(
        session, invocation, "rotate-key", {"--signing-key", "--next-signing-key", "--lost"});
}

Result<int> checkpoint(Session& session, const Invocation& invocation) {
    return run_audit(session, invocation, "checkpoint", {"--signing-key"});
}

Result<int> export_records(Session& session, const Invocation& invocation) {
    return run_audit(session, invocation, "export", {"--signing-key"});
}

Result<int> prove(Session& session, const Invocation& invocation) {
    return run_audit(session, invocation, "prove", {"--signing-key"}, "RECORD");
}

Result<int> verify(Session& session, const Invocation& invocation) {
    if (!invocation.value("--key"))
        return fail(
            Errc::bad_request,
            "say by whose signature: --key KEY, as kheishctl audit key prints it");
    return run_audit(session, invocation, "verify", {"--key", "--checkpoint"}, "FILE");
}

constexpr Option kSigningKey{"--signing-key", "FILE", "Sign with this key instead"};
constexpr Option kStateDirectory{"--state-directory", "DIR", "Where the journal lies"};

std::vector<Command> key_commands() {
    return {
        {.words = "audit key",
         .help = "Print the public key of the audit log",
         .positionals = {},
         .options = {kSigningKey, kStateDirectory},
         .run = key},
        {.words = "audit epochs",
         .help = "List which key has signed since when",
         .positionals = {},
         .options = {kStateDirectory},
         .run = epochs},
        {.words = "audit generate-key",
         .help = "Print a new key, to be kept as a credential",
         .positionals = {},
         .options = {kStateDirectory},
         .run = generate_key},
        {.words = "audit rotate-key",
         .help = "Let another key sign from now on",
         .positionals = {},
         .options =
             {{"--signing-key", "FILE", "The key that has signed until now"},
              {"--next-signing-key", "FILE", "The one that comes, instead of a new one"},
              {"--lost", "", "Without the signature of the former key"},
              kStateDirectory},
         .run = rotate_key},
    };
}

} // namespace

std::vector<Command> audit_commands() {
    constexpr int kBeforeKeys = 2; ///< commands that the help shows before those
    std::vector<Command> commands{
        {.words = "audit list",
         .help = "List the records, a line each",
         .positionals = {},
         .options =
             {{"--from", "RECORD", "Only from this one on"},
              {"--run-id", "RUN", "Only of this run"},
              kStateDirectory},
         .run = list},
        {.words = "audit show",
         .help = "Show a record",
         .positionals = {{"RECORD", "Its number, from 0"}},
         .options = {kStateDirectory},
         .run = show},
        {.words = "audit checkpoint",
         .help = "Print a signed checkpoint, to be kept",
         .positionals = {},
         .options = {kSigningKey, kStateDirectory},
         .run = checkpoint},
        {.words = "audit export",
         .help = "Print all records, and a checkpoint",
         .positionals = {},
         .options = {kSigningKey, kStateDirectory},
         .run = export_records},
        {.words = "audit prove",
         .help = "Prove that a record is in the log",
         .positionals = {{"RECORD", "Its number, from 0"}},
         .options = {kSigningKey, kStateDirectory},
         .run = prove},
        {.words = "audit verify",
         .help = "Check an export, anywhere",
         .positionals = {{"FILE", "The export; - is standard input"}},
         .options =
             {{"--key", "KEY", "The public key of the log"},
              {"--checkpoint", "FILE", "One that was kept"}},
         .run = verify},
    };
    std::vector<Command> keys = key_commands();
    commands.insert(
        commands.begin() + kBeforeKeys,
        std::make_move_iterator(keys.begin()),
        std::make_move_iterator(keys.end()));
    return commands;
}

} // namespace kheish::ctl
