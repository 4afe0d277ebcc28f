#include "upkeep/options.hpp"

#include <CLI/CLI.hpp>

namespace kheish::upkeep {

namespace {

void add_verbs(CLI::App& app, Options& options) {
    const auto add = [&app, &options](const char* name, const char* help, Options::Verb verb) {
        CLI::App* sub = app.add_subcommand(name, help);
        sub->callback([&options, verb] { options.verb = verb; });
        return sub;
    };
    add("verify", "Look for damage", Options::Verb::verify);
    add("backup", "Copy the journal while kheishd goes on", Options::Verb::backup)
        ->add_option("FILE", options.file, "where to; must not exist")
        ->required();
    CLI::App* const exported =
        add("export", "Print the events, a line of JSON each", Options::Verb::export_events);
    exported->add_option("--after", options.after, "only events after this one")
        ->check(CLI::NonNegativeNumber);
    exported->add_flag("--content", options.content, "with what they refer to");
    add("prune", "Drop the content of old runs", Options::Verb::prune)
        ->add_option("--older-than", options.older_than_days, "days since the run ended")
        ->required()
        ->check(CLI::Range(0, 36'500));
    add("rebuild",
        "Make all rows anew from the events; kheishd must be stopped",
        Options::Verb::rebuild);
}

void add_audit_verbs(CLI::App& app, Options& options) {
    CLI::App* const audit = app.add_subcommand("audit", "The audit log");
    audit->require_subcommand(1);
    const auto add = [audit, &options](const char* name, const char* help, Options::Verb verb) {
        CLI::App* sub = audit->add_subcommand(name, help);
        sub->fallthrough();
        sub->callback([&options, verb] { options.verb = verb; });
        return sub;
    };
    CLI::App* const list = add("list", "Print the records, a line each", Options::Verb::audit_list);
    list->add_option("--from", options.record, "only from this record on")
        ->check(CLI::NonNegativeNumber);
    list->add_option("--run-id", options.run, "only of this run");
    add("show", "Print a record", Options::Verb::audit_show)
        ->add_option("RECORD", options.record, "its number")
        ->required()
        ->check(CLI::NonNegativeNumber);
    const auto add_signing = [&add,
                              &options](const char* name, const char* help, Options::Verb verb) {
        CLI::App* sub = add(name, help, verb);
        sub->add_option("--signing-key", options.signing_key, "file with the key that signs");
        return sub;
    };
    add_signing("key", "Print the public key", Options::Verb::audit_key);
    add("epochs", "List which key has signed since when", Options::Verb::audit_epochs);
    add("generate-key", "Print a new signing key", Options::Verb::audit_generate_key);
    CLI::App* const rotate =
        add_signing("rotate-key", "Hand over to another key", Options::Verb::audit_rotate_key);
    rotate->add_option("--next-signing-key", options.next_key, "file with the key that comes");
    rotate->add_flag("--lost", options.is_lost, "without the signature of the former key");
    add_signing("checkpoint", "Print a signed checkpoint", Options::Verb::audit_checkpoint)
        ->add_flag("--log", options.log, "to the log of the system instead");
    add_signing("export", "Print the records and a checkpoint", Options::Verb::audit_export);
    add_signing("prove", "Prove that a record is in the log", Options::Verb::audit_prove)
        ->add_option("RECORD", options.record, "its number")
        ->required()
        ->check(CLI::NonNegativeNumber);
    CLI::App* const verify =
        add("verify", "Check an export, anywhere", Options::Verb::audit_verify);
    verify->add_option("FILE", options.file, "the export; - for standard input")->required();
    verify->add_option("--key", options.key, "the public key")->required();
    verify->add_option("--checkpoint", options.checkpoint, "file with an earlier checkpoint");
}

} // namespace

Result<Options> parse_options(std::span<char* const> arguments) {
    Options options;
    std::string output = "pretty";
    CLI::App app("Looks after the journal of kheish", "kheish-journal");
    app.set_version_flag("--version", std::string("kheish-journal ") + KHEISH_VERSION);
    app.add_option("--state-directory", options.state_directory, "where the journal lies");
    app.add_option("--output", output, "pretty or json")->check(CLI::IsMember({"pretty", "json"}));
    app.fallthrough();
    app.require_subcommand(1);
    add_verbs(app, options);
    add_audit_verbs(app, options);
    try {
        app.parse(static_cast<int>(arguments.size()), arguments.data());
    } catch (const CLI::CallForHelp&) {
        options.verb = Options::Verb::help;
        options.text = app.help();
    } catch (const CLI::CallForVersion&) {
        options.verb = Options::Verb::version;
        options.text = app.version() + "\n";
    } catch (const CLI::Error& error) {
        return fail(Errc::invalid_argument, error.what());
    }
    options.json = output == "json";
    return options;
}

} // namespace kheish::upkeep
