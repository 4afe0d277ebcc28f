#include "bus/administration.hpp"

#include "bus/administration_plan.hpp"
#include "bus/dictionary.hpp"
#include "bus/edge.hpp"
#include "codec/object_reader.hpp"

#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace kheish::bus {

namespace {

using codec::Json;
using control::Caller;
using control::Operation;

/// No members.
Status read_nothing(sd_bus_message* call) {
    KHEISH_TRY(const Json options, read_dictionary(call));
    codec::ObjectReader reader(options, "options");
    return reader.finish();
}

Result<control::NameSecret> read_name(sd_bus_message* call) {
    KHEISH_TRY(const Json options, read_dictionary(call));
    return control::parse_name_secret(options);
}

/// What is in the sealed memory file that comes next: nothing is waited for, and nobody changes it
/// while it is read.
Result<Secret> read_secret(sd_bus_message* call) {
    int fd = -1;
    if (sd_bus_message_read(call, "h", &fd) <= 0)
        return fail(Errc::bad_request, "the secret must come as a descriptor");
    struct stat about {};
    const int seals = ::fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & F_SEAL_WRITE) == 0 || ::fstat(fd, &about) != 0)
        return fail(
            Errc::bad_request,
            "the secret must come in a memory file that is sealed against writing "
            "(memfd_create(2))");
    if (about.st_size > static_cast<off_t>(control::kSecretLimitBytes) + 1)
        return fail(
            Errc::payload_too_large,
            "a secret has at most " + std::to_string(control::kSecretLimitBytes) + " bytes");
    std::string bytes(static_cast<std::size_t>(about.st_size), '\0');
    const ssize_t got = ::pread(fd, bytes.data(), bytes.size(), 0);
    Secret secret = Secret::take(bytes);
    if (got != about.st_size)
        return fail(Errc::bad_request, "the memory file with the secret cannot be read");
    return secret;
}

} // namespace

Result<Plan> plan_list_tokens(BusEdge& edge, sd_bus_message* call) {
    KHEISH_TRY(const Json options, read_dictionary(call));
    codec::ObjectReader reader(options, "options");
    KHEISH_CHECK(reader.finish());
    return Plan{
        {.operation = Operation::tokens_list, .details = {{"summary", "list the tokens"}}},
        [&edge](const Caller& caller, const BusMessage& message) {
            reply_json(message.get(), edge.service().tokens_view(caller));
        }};
}

Result<Plan> plan_create_token(BusEdge& edge, sd_bus_message* call) {
    KHEISH_TRY(const Json options, read_dictionary(call));
    KHEISH_TRY(control::CreateToken request, control::parse_create_token(options));
    std::string summary = "make the token " + request.name + " with the role " +
                          std::string(control::to_string(request.role));
    return administration_plan(
        edge,
        Operation::tokens_create,
        std::move(summary),
        std::move(request),
        &control::Service::create_token);
}

Result<Plan> plan_rotate_token(BusEdge& edge, sd_bus_message* call) {
    KHEISH_TRY(const Json options, read_dictionary(call));
    KHEISH_TRY(control::RotateToken request, control::parse_rotate_token(options));
    std::string summary = "give the token " + request.name + " a new secret";
    return administration_plan(
        edge,
        Operation::tokens_rotate,
        std::move(summary),
        std::move(request),
        &control::Service::rotate_token);
}

Result<Plan> plan_revoke_token(BusEdge& edge, sd_bus_message* call) {
    KHEISH_TRY(const Json options, read_dictionary(call));
    KHEISH_TRY(control::RevokeToken request, control::parse_revoke_token(options));
    std::string summary = "revoke the token " + request.name;
    return administration_plan(
        edge,
        Operation::tokens_revoke,
        std::move(summary),
        std::move(request),
        &control::Service::revoke_token);
}

// --- secrets
// --------------------------------------------------------------------------------------

Result<Plan> plan_list_secrets(BusEdge& edge, sd_bus_message* call) {
    KHEISH_CHECK(read_nothing(call));
    return Plan{
        {.operation = Operation::secrets_list, .details = {{"summary", "list the secrets"}}},
        [&edge](const Caller& caller, const BusMessage& message) {
            reply_json(message.get(), edge.service().secrets_view(caller));
        }};
}

Result<Plan> plan_describe_secret(BusEdge& edge, sd_bus_message* call) {
    KHEISH_TRY(const control::NameSecret request, read_name(call));
    return Plan{
        {.operation = Operation::secrets_get,
         .details = {{"summary", "look at the secret " + request.name}}},
        [&edge, name = request.name](const Caller& caller, const BusMessage& message) {
            reply_json(message.get(), edge.service().secret_view(caller, name));
        }};
}

Result<Plan> plan_set_secret(BusEdge& edge, sd_bus_message* call) {
    KHEISH_TRY(const Json options, read_dictionary(call));
    KHEISH_TRY(const Secret value, read_secret(call));
    KHEISH_TRY(control::SetSecret request, control::parse_set_secret(options, value));
    std::string summary = "give the secret " + request.name;
    return administration_plan(
        edge,
        Operation::secrets_set,
        std::move(summary),
        std::move(request),
        &control::Service::set_secret);
}

Result<Plan> plan_import_secret(BusEdge& edge, sd_bus_message* call) {
    KHEISH_TRY(const Json options, read_dictionary(call));
    KHEISH_TRY(control::ImportSecret request, control::parse_import_secret(options));
    std::string summary =
        "give the secret " + request.name + " from the credential " + request.credential;
    return administration_plan(
        edge,
        Operation::secrets_import,
        std::move(summary),
        std::move(request),
        &control::Service::import_secret);
}

Result<Plan> plan_revoke_secret(BusEdge& edge, sd_bus_message* call) {
    KHEISH_TRY(control::NameSecret request, read_name(call));
    std::string summary = "revoke the secret " + request.name;
    return administration_plan(
        edge,
        Operation::secrets_revoke,
        std::move(summary),
        std::move(request),
        &control::Service::revoke_secret);
}

Result<Plan> plan_delete_secret(BusEdge& edge, sd_bus_message* call) {
    KHEISH_TRY(control::NameSecret request, read_name(call));
    std::string summary = "delete the secret " + request.name;
    return administration_plan(
        edge,
        Operation::secrets_delete,
        std::move(summary),
        std::move(request),
        &control::Service::delete_secret);
}

Result<Plan> plan_rotate_master_key(BusEdge& edge, sd_bus_message* call) {
    KHEISH_CHECK(read_nothing(call));
    return Plan{
        {.operation = Operation::secrets_rotate_master_key,
         .details = {{"summary", "seal all secrets with the next master key"}}},
        [&edge](const Caller& caller, BusMessage message) {
            edge.service().rotate_master_key(caller, json_responder(std::move(message)));
        }};
}

} // namespace kheish::bus
