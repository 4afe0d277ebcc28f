#include "control/run_rules.hpp"

#include "codec/runner_message.hpp"
#include "control/conversions.hpp"
#include "control/permission_rules.hpp"

#include <utility>

namespace kheish::control {

namespace {

void append(std::vector<govern::Rule>& rules, std::vector<govern::Rule> more) {
    rules.insert(
        rules.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

Result<std::optional<std::string>>
text_of(const journal::Journal& journal, const std::optional<codec::BlobRef>& blob) {
    if (!blob)
        return std::nullopt;
    KHEISH_TRY(std::string text, journal.blob(blob->digest));
    return text;
}

Result<OwnRules> own_rules(const engine::RunState& state, const journal::Journal& journal) {
    OwnRules own;
    KHEISH_TRY(own.session, text_of(journal, state.request.permission_rules));
    if (state.project) {
        KHEISH_TRY(own.project, text_of(journal, state.project->text));
    }
    return own;
}

} // namespace

Result<std::vector<govern::Rule>> rules_in_force(const Settings& settings, const OwnRules& own) {
    std::vector<govern::Rule> rules;
    if (own.session) {
        KHEISH_TRY(rules, session_rules(*own.session));
    }
    if (own.project) {
        KHEISH_TRY(std::vector<govern::Rule> more, project_rules(*own.project));
        append(rules, std::move(more));
    }
    append(rules, settings.permission_rules);
    return rules;
}

govern::Judgement RunRules::judge(
    const engine::RunState& state,
    const Settings& settings,
    const journal::Journal& journal,
    const govern::Subject& subject,
    std::span<const govern::Grant* const> grants) {
    const govern::Mode mode = to_govern(state.request.mode);
    const bool has_own =
        state.request.permission_rules.has_value() || (state.project && state.project->text);
    if (!has_own)
        return govern::judge(mode, settings.permission_rules, subject, grants);
    if (!rules_) {
        const Result<OwnRules> own = own_rules(state, journal);
        Result<std::vector<govern::Rule>> read =
            own ? rules_in_force(settings, *own)
                : Result<std::vector<govern::Rule>>(fail(own.error()));
        if (!read) {
            govern::Judgement judgement;
            judgement.mode = mode;
            judgement.reason = "the permission rules cannot be read: " + read.error().message;
            return judgement;
        }
        rules_ = *std::move(read);
    }
    return govern::judge(mode, *rules_, subject, grants);
}

std::optional<engine::ProjectPermissions> project_of(
    const engine::RunState& state,
    const scopes::ProjectPermissions& found,
    std::vector<std::string>& blobs) {
    if (!state.request.reads_project || state.project)
        return std::nullopt;
    engine::ProjectPermissions read;
    if (!found.found)
        return read;
    const std::string path(codec::runner::kProjectPermissionsPath);
    if (!found.error.empty()) {
        read.error = found.error.starts_with(path) ? found.error : path + ": " + found.error;
        return read;
    }
    read.text = codec::blob_ref(found.text);
    blobs.push_back(found.text);
    if (const Result<std::vector<govern::Rule>> rules = project_rules(found.text); !rules)
        read.error = rules.error().message;
    return read;
}

} // namespace kheish::control
