#include "control/requests.hpp"

#include "base/text.hpp"
#include "codec/object_reader.hpp"
#include "control/idempotency.hpp"
#include "control/permission_rules.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace kheish::control {

namespace {

using codec::Json;
using codec::ObjectReader;

constexpr std::array<std::string_view, 3> kBehaviors{"allow", "deny", "supply"};
constexpr std::size_t kInputItemLimit = 256;
constexpr std::size_t kContentLimitBytes = std::size_t{12} << 20;

/// The text of {type: "text", text} items, in order, one per line.
Result<std::string> read_input_items(const std::vector<Json>& items) {
    constexpr std::array<std::string_view, 1> kTypes{"text"};
    std::string content;
    for (std::size_t i = 0; i < items.size(); ++i) {
        ObjectReader reader(items[i], "body.input_items[" + std::to_string(i) + "]");
        (void)reader.required_word("type", kTypes);
        const std::string text = reader.required_string("text", kContentLimitBytes);
        KHEISH_CHECK(reader.finish());
        if (!content.empty())
            content.push_back('\n');
        content += text;
    }
    return content;
}

Status read_content(ObjectReader& reader, SubmitInput& input) {
    const std::optional<std::string> content =
        reader.optional_string("content", kContentLimitBytes);
    const std::vector<Json> items = reader.optional_array("input_items", kInputItemLimit);
    if (!items.empty() && content && !content->empty())
        reader.reject("input_items", "must not be mixed with content");
    if (!reader.ok())
        return {};
    input.content = content.value_or(std::string());
    if (!items.empty()) {
        KHEISH_TRY(input.content, read_input_items(items));
    }
    if (input.content.find_first_not_of(" \t\r\n") == std::string::npos)
        reader.reject("content", "must hold some text");
    return {};
}

void read_generation(ObjectReader& reader, SubmitInput& input) {
    const std::optional<Json> generation = reader.optional_object("generation");
    if (!generation)
        return;
    ObjectReader inner(*generation, "body.generation");
    input.model = inner.optional_string("model", kLabelLimitBytes).value_or(std::string());
    input.max_output_tokens = inner.optional_integer("max_output_tokens", 1, 1'000'000);
    if (const Status status = inner.finish(); !status)
        reader.reject_with(status.error());
}

void read_labels(ObjectReader& reader, SubmitInput& input) {
    const std::optional<std::string> provider =
        reader.optional_string("provider", kLabelLimitBytes);
    const std::optional<std::string> route = reader.optional_string("route_id", kLabelLimitBytes);
    if (provider && route && *provider != *route)
        reader.reject("route_id", "differs from provider, which means the same");
    input.route = provider.value_or(route.value_or(std::string()));
    const auto label = [&reader](std::string_view key, std::string& target) {
        if (std::optional<std::string> text = reader.optional_string(key, kLabelLimitBytes))
            target = std::move(*text);
    };
    label("source_plugin", input.source_plugin);
    label("source_kind", input.source_kind);
    label("actor_id", input.actor_id);
}

void read_metadata(ObjectReader& reader, SubmitInput& input) {
    const std::optional<Json> metadata = reader.optional_object("metadata");
    if (!metadata)
        return;
    for (const std::string& key : metadata->keys())
        for (const std::string_view reserved :
             {"kheish_", "external_", "http_ingress_", "connector_"})
            if (key.starts_with(reserved))
                reader.reject("metadata", "holds the reserved key \"" + key + "\"");
    input.metadata = codec::canonical_json(*metadata);
    if (input.metadata.size() > kMetadataLimitBytes)
        reader.reject(
            "metadata", "is longer than " + std::to_string(kMetadataLimitBytes) + " bytes");
}

/// What only one behavior goes with.
void read_instead(ObjectReader& reader, Resolution& resolution) {
    resolution.result = reader.optional_string("result", kSuppliedResultLimitBytes);
    if (resolution.result.has_value() != (resolution.behavior == Resolution::Behavior::supply))
        reader.reject("result", "belongs to the behavior supply, and to no other");
    const std::optional<Json> input = reader.optional_object("updated_input");
    if (!input)
        return;
    if (resolution.behavior != Resolution::Behavior::allow)
        reader.reject("updated_input", "belongs to the behavior allow, and to no other");
    resolution.updated_input = codec::canonical_json(*input);
    if (resolution.updated_input->size() > kUpdatedInputLimitBytes)
        reader.reject(
            "updated_input",
            "is longer than " + std::to_string(kUpdatedInputLimitBytes) + " bytes");
}

Status read_remember(ObjectReader& reader, const std::string& where, Resolution& resolution) {
    const std::optional<Json> remember = reader.optional_object("remember");
    if (!remember)
        return {};
    if (resolution.behavior != Resolution::Behavior::allow)
        reader.reject("remember", "belongs to the behavior allow, and to no other");
    KHEISH_TRY(resolution.remember, parse_remember(*remember, where + ".remember"));
    return {};
}

Result<Resolution> read_resolution(const Json& item, std::size_t index) {
    const std::string where = "body.resolutions[" + std::to_string(index) + "]";
    ObjectReader reader(item, where);
    Resolution resolution;
    resolution.approval.value = reader.required_string("request_id", kLabelLimitBytes);
    resolution.behavior =
        static_cast<Resolution::Behavior>(reader.required_word("behavior", kBehaviors));
    const std::optional<std::string> justification =
        reader.optional_string("justification", kReasonLimitBytes);
    const std::optional<std::string> reason = reader.optional_string("reason", kReasonLimitBytes);
    resolution.reason = justification.value_or(reason.value_or(std::string()));
    if (const std::optional<std::string> digest = reader.optional_string("digest")) {
        resolution.digest = codec::Digest::parse(*digest);
        if (!resolution.digest)
            reader.reject("digest", "must be 64 lower-case hexadecimal digits");
    }
    read_instead(reader, resolution);
    KHEISH_CHECK(read_remember(reader, where, resolution));
    KHEISH_CHECK(reader.finish());
    return resolution;
}

/// A member that is a number in a D-Bus dictionary and text in a URL query.
std::optional<std::int64_t>
read_count(ObjectReader& reader, std::string_view key, const std::optional<Json>& member) {
    if (!member)
        return std::nullopt;
    const std::optional<std::int64_t> number =
        member->is_string()
            ? parse_number<std::int64_t>(member->string())
            : (member->is_integer() ? std::optional(member->integer()) : std::nullopt);
    if (!number)
        reader.reject(key, "must be a whole number");
    return number;
}

bool read_flag(ObjectReader& reader, std::string_view key) {
    const std::optional<Json> member = reader.optional_value(key);
    if (!member)
        return false;
    if (member->is_boolean())
        return member->boolean();
    if (member->string() == "true" || member->string() == "1")
        return true;
    if (member->string() != "false" && member->string() != "0")
        reader.reject(key, "must be true or false");
    return false;
}

Result<Page> read_page(ObjectReader& reader) {
    Page page;
    page.enveloped = read_flag(reader, "page");
    if (std::optional<std::string> cursor = reader.optional_string("cursor", kLabelLimitBytes)) {
        page.cursor = std::move(*cursor);
        page.enveloped = true;
    }
    constexpr std::array<std::string_view, 2> kOrders{"asc", "desc"};
    page.ascending = reader.optional_word("order", kOrders) == std::size_t{0};
    const std::optional<std::int64_t> limit =
        read_count(reader, "limit", reader.optional_value("limit"));
    if (limit && *limit < 1)
        return fail(Errc::invalid_limit, "limit must be at least 1");
    page.limit = std::min(limit.value_or(kPageLimitDefault), kPageLimitMax);
    return page;
}

template <class Scope>
Result<std::optional<Scope>> read_scope(const std::optional<Json>& value) {
    if (!value)
        return std::optional<Scope>();
    KHEISH_TRY(
        Scope scope, govern::parse_scope<Scope>(*value, "body." + std::string(Scope::kMember)));
    return std::optional(std::move(scope));
}

} // namespace

std::string_view to_string(Resolution::Behavior behavior) {
    return kBehaviors[static_cast<std::size_t>(behavior)];
}

Result<CreateSession> parse_create_session(const Json& body, std::optional<std::string> header) {
    ObjectReader reader(body, "body");
    CreateSession request;
    const std::optional<std::string> session = reader.optional_string("session_id");
    request.thread_id =
        reader.optional_string("thread_id", kLabelLimitBytes).value_or(std::string());
    request.workspace =
        reader.optional_string("workspace", kPathLimitBytes).value_or(std::string());
    if (!request.workspace.empty() && request.workspace.front() != '/')
        reader.reject("workspace", "must be an absolute path");
    if (request.workspace.find('\0') != std::string::npos)
        reader.reject("workspace", "must not hold a NUL character");
    const std::vector<Json> rules = reader.optional_array("permission_rules", kSessionRuleLimit);
    const std::optional<Json> credentials = reader.optional_object("credential_scope");
    const std::optional<Json> capabilities = reader.optional_object("capability_scope");
    std::optional<std::string> key = reader.optional_string("idempotency_key");
    KHEISH_CHECK(reader.finish());
    KHEISH_TRY(request.credential_scope, read_scope<govern::CredentialScope>(credentials));
    KHEISH_TRY(request.capability_scope, read_scope<govern::CapabilityScope>(capabilities));
    KHEISH_TRY(request.permission_rules, session_rules(rules));
    KHEISH_TRY(request.idempotency_key, read_idempotency_key(std::move(key), std::move(header)));
    if (session) {
        KHEISH_TRY(request.session, parse_session_id(*session));
    }
    return request;
}

Result<SubmitInput> parse_submit_input(const Json& body, std::optional<std::string> header) {
    ObjectReader reader(body, "body");
    SubmitInput input;
    KHEISH_CHECK(read_content(reader, input));
    read_labels(reader, input);
    read_generation(reader, input);
    read_metadata(reader, input);
    if (const std::optional<std::string> mode = reader.optional_string("permission_mode")) {
        input.permission_mode = govern::parse_mode(*mode);
        if (!input.permission_mode)
            reader.reject(
                "permission_mode",
                "must be one of default, acceptEdits, plan, dontAsk, bypassPermissions");
    }
    std::optional<std::string> key = reader.optional_string("idempotency_key");
    KHEISH_CHECK(reader.finish());
    KHEISH_TRY(input.idempotency_key, read_idempotency_key(std::move(key), std::move(header)));
    return input;
}

Result<ResolveApprovals>
parse_resolve_approvals(const Json& body, std::optional<std::string> header) {
    ObjectReader reader(body, "body");
    const std::vector<Json> items = reader.optional_array("resolutions", kResolutionLimit);
    std::optional<std::string> key = reader.optional_string("idempotency_key");
    KHEISH_CHECK(reader.finish());
    if (items.empty())
        return fail(Errc::approval_batch_empty, "body.resolutions must name at least one approval");
    ResolveApprovals request;
    std::set<ApprovalId> seen;
    for (std::size_t i = 0; i < items.size(); ++i) {
        KHEISH_TRY(Resolution resolution, read_resolution(items[i], i));
        if (!seen.insert(resolution.approval).second)
            return fail(
                Errc::approval_duplicate_resolution,
                "body.resolutions names " + resolution.approval.value + " twice");
        request.resolutions.push_back(std::move(resolution));
    }
    KHEISH_TRY(request.idempotency_key, read_idempotency_key(std::move(key), std::move(header)));
    return request;
}

Result<ResolveApprovals>
parse_resolve_one(const ApprovalId& approval, Resolution::Behavior behavior, const Json& options) {
    if (!options.is_object())
        return fail(Errc::bad_request, "options must be an object");
    Json item = Json::object({{"request_id", approval.value}, {"behavior", to_string(behavior)}});
    Json body = Json::object();
    for (const std::string& key : options.keys()) {
        if (key == "request_id" || key == "behavior")
            return fail(Errc::unknown_field, "options has no field \"" + key + "\"");
        (key == "idempotency_key" ? body : item).set(key, *options.find(key));
    }
    body.set("resolutions", Json::array({item}));
    return parse_resolve_approvals(body);
}

Result<EndRequest> parse_end(const Json& body, std::optional<std::string> header) {
    ObjectReader reader(body, "body");
    EndRequest request{
        .reason = reader.optional_string("reason", kReasonLimitBytes).value_or(std::string())};
    std::optional<std::string> key = reader.optional_string("idempotency_key");
    KHEISH_CHECK(reader.finish());
    KHEISH_TRY(request.idempotency_key, read_idempotency_key(std::move(key), std::move(header)));
    return request;
}

Result<ListRuns> parse_list_runs(const Json& query) {
    ObjectReader reader(query, "query");
    ListRuns request;
    const std::optional<std::string> session = reader.optional_string("session_id");
    request.live_only = read_flag(reader, "live");
    KHEISH_TRY(request.page, read_page(reader));
    KHEISH_CHECK(reader.finish());
    if (session) {
        KHEISH_TRY(request.session, parse_session_id(*session));
    }
    return request;
}

Result<ListSessions> parse_list_sessions(const Json& query) {
    ObjectReader reader(query, "query");
    ListSessions request;
    KHEISH_TRY(request.page, read_page(reader));
    KHEISH_CHECK(reader.finish());
    return request;
}

Result<EventSeq> parse_event_cursor(std::string_view text) {
    const std::optional<EventSeq> cursor = parse_number<EventSeq>(text);
    if (!cursor || *cursor < 0)
        return fail(
            Errc::invalid_event_cursor,
            "an event cursor is a journal sequence number in decimal, such as 42");
    return *cursor;
}

} // namespace kheish::control
