#include "command.hpp"
#include "input.hpp"
#include "listing.hpp"
#include "output.hpp"
#include "session.hpp"

#include "base/entropy.hpp"
#include "base/secret.hpp"
#include "codec/digest.hpp"

#include <array>
#include <cstddef>
#include <unistd.h>

namespace kheish::ctl {

namespace {

using codec::Json;

/// As kheishd has it, and a newline behind it.
constexpr std::size_t kSecretLimitBytes = 8193;
constexpr std::size_t kMasterKeyBytes = 32;

Call manager_call(const char* member, Json options) {
    return {
        .path = manager_path(),
        .interface = kManager,
        .member = member,
        .options = std::move(options)};
}

Result<int> generate(Session& session, const Invocation& /*invocation*/) {
    std::array<std::byte, kMasterKeyBytes> bytes{};
    SystemEntropy().fill(bytes);
    const std::string key =
        codec::base64_encode({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    return session.show(Json::object({{"master_key", key}}), key + "\n");
}

Result<int> list(Session& session, const Invocation& /*invocation*/) {
    KHEISH_TRY(const Json view, session.call_json(manager_call("ListSecrets", Json::object())));
    return show_list(
        session, view, {"SECRET", "STATE", "VERSION", "UPDATED", "BY"}, [](const Json& item) {
            const Json details = object_at(item, "details");
            return std::vector<std::string>{
                text_at(item, "slot_id"),
                text_at(details, "state"),
                std::to_string(number_at(details, "version")),
                time_text(number_at(item, "updated_at_ms")),
                text_at(details, "updated_by")};
        });
}

std::string secret_text(const Json& view) {
    const Json details = object_at(view, "details");
    std::string text = "secret " + shown(text_at(view, "slot_id")) + "\n  state       " +
                       shown(text_at(details, "state")) + "\n  version     " +
                       std::to_string(number_at(details, "version")) + "\n  updated     " +
                       time_text(number_at(view, "updated_at_ms")) + " by " +
                       shown(text_at(details, "updated_by")) + "\n  master key  " +
                       shown(text_at(details, "master_key")) + "\n";
    if (const std::optional<Json> routes = details.find("routes"))
        for (const Json& route : routes->items())
            text += "  route       " + shown(route.string()) + "\n";
    return text;
}

Result<int> show_secret(Session& session, const Call& call) {
    KHEISH_TRY(const Json view, session.call_json(call));
    return session.show(view, secret_text(view));
}

Result<int> get(Session& session, const Invocation& invocation) {
    return show_secret(
        session,
        manager_call("DescribeSecret", Json::object({{"name", invocation.required("SECRET")}})));
}

/// Never an argument, which every process of the host could read.
Result<int> set(Session& session, const Invocation& invocation) {
    KHEISH_CHECK(session.go_to_host()); // a descriptor does not travel there
    const std::optional<std::string> file = invocation.value("--from-file");
    if (!file && is_terminal(STDIN_FILENO))
        return fail(
            Errc::invalid_argument,
            "the secret comes on standard input or with --from-file; at a terminal: "
            "systemd-ask-password | kheishctl secrets set " +
                shown(invocation.required("SECRET")));
    KHEISH_TRY(std::string text, read_input_file(file.value_or("-"), kSecretLimitBytes));
    Call call = manager_call("SetSecret", Json::object({{"name", invocation.required("SECRET")}}));
    call.secret = std::make_shared<const Secret>(Secret::take(text));
    return show_secret(session, call);
}

Result<int> import_credential(Session& session, const Invocation& invocation) {
    return show_secret(
        session,
        manager_call(
            "ImportSecret",
            Json::object(
                {{"name", invocation.required("SECRET")},
                 {"credential", invocation.required("CREDENTIAL")}})));
}

Result<int> end(Session& session, const Invocation& invocation, const char* member) {
    Json options = Json::object({{"name", invocation.required("SECRET")}});
    set_given(options, invocation, "--reason", "reason");
    return show_secret(session, manager_call(member, std::move(options)));
}

Result<int> revoke(Session& session, const Invocation& invocation) {
    return end(session, invocation, "RevokeSecret");
}

Result<int> remove(Session& session, const Invocation& invocation) {
    return end(session, invocation, "DeleteSecret");
}

Result<int> rotate_master_key(Session& session, const Invocation& /*invocation*/) {
    KHEISH_TRY(const Json view, session.call_json(manager_call("RotateMasterKey", Json::object())));
    return session.show(view, fields_text(view));
}

const Positional kSecretArgument{"SECRET", "The secret's name"};
const Option kReasonOption{"--reason", "TEXT", "Kept with it"};

} // namespace

std::vector<Command> secret_commands() {
    return {
        {"secrets generate", "Print a new master key", {}, {}, generate},
        {"secrets list", "List the secrets, never what they are", {}, {}, list},
        {"secrets get", "Show what is known of a secret", {kSecretArgument}, {}, get},
        {"secrets set",
         "Give one, from standard input; it holds at once",
         {kSecretArgument},
         {{"--from-file", "FILE", "From a file instead"}},
         set},
        {"secrets import-credential",
         "Take a systemd credential of the service over",
         {kSecretArgument, {"CREDENTIAL", "The credential's name"}},
         {},
         import_credential},
        {"secrets revoke",
         "Destroy it at once; runs that need it wait",
         {kSecretArgument},
         {kReasonOption},
         revoke},
        {"secrets delete",
         "Delete one that no route needs",
         {kSecretArgument},
         {kReasonOption},
         remove},
        {"secrets rotate-master-key",
         "Seal all secrets with the next master key",
         {},
         {},
         rotate_master_key},
    };
}

} // namespace kheish::ctl
