#include "input.hpp"

#include "config/permission_rules.hpp"
#include "listing.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <unistd.h>

namespace kheish::ctl {

namespace {

using codec::Json;

constexpr std::size_t kContentLimitBytes = std::size_t{12} << 20;
constexpr std::string_view kSessionPrefix = "/ai/kheish/Daemon1/session";

Result<std::string> read_content(const Invocation& invocation, std::string_view positional) {
    const std::optional<std::string> text = invocation.value(positional);
    const std::optional<std::string> file = invocation.value("--content-file");
    const bool from_stdin = invocation.flag("--stdin");
    const int given = (text ? 1 : 0) + (file ? 1 : 0) + (from_stdin ? 1 : 0);
    if (given != 1)
        return fail(
            Errc::bad_request,
            "the input comes from " + std::string(positional) +
                ", --content-file or --stdin: exactly one of them");
    if (text)
        return *text;
    return read_input_file(from_stdin ? "-" : *file, kContentLimitBytes);
}

Result<std::string> current_directory() {
    std::array<char, PATH_MAX> buffer{};
    if (getcwd(buffer.data(), buffer.size()) == nullptr)
        return fail_errno("finding the current directory", errno, Errc::bad_request);
    return std::string(buffer.data());
}

Result<std::string> absolute_path(const std::string& path) {
    if (path.empty())
        return fail(Errc::bad_request, "--workspace must not be empty");
    if (path.front() == '/')
        return path;
    KHEISH_TRY(const std::string here, current_directory());
    return here + "/" + path;
}

Result<std::string> session_of(const std::string& path) {
    char* name = nullptr;
    if (sd_bus_path_decode(path.c_str(), std::string(kSessionPrefix).c_str(), &name) <= 0)
        return fail(Errc::schema_mismatch, "kheishd answers with an unknown object");
    const Handle<char, ::free> owned(name);
    return std::string(owned.get());
}

/// The rules of a file as a project has it, as a request has them.
Result<Json> read_rules(const std::string& path) {
    KHEISH_TRY(const std::string text, read_input_file(path, kPermissionsLimitBytes));
    KHEISH_TRY(
        const std::vector<config::PermissionRule> rules,
        config::parse_project_permissions(text, path));
    Json list = Json::array();
    for (const config::PermissionRule& rule : rules) {
        Json item = Json::object({{"pattern", rule.pattern}, {"behavior", rule.behavior}});
        for (const auto& [key, value] :
             {std::pair("reason", &rule.reason),
              std::pair("command", &rule.command),
              std::pair("path", &rule.path),
              std::pair("host", &rule.host)})
            if (!value->empty())
                item.set(key, *value);
        list.append(std::move(item));
    }
    return list;
}

} // namespace

Result<std::string> read_input_file(const std::string& path, std::size_t limit_bytes) {
    Result<std::string> content =
        path == "-" ? read_all(STDIN_FILENO, limit_bytes) : read_file(path, limit_bytes);
    if (!content && content.error().code != Errc::payload_too_large)
        return fail(Errc::bad_request, content.error().message);
    return content;
}

Result<std::optional<std::string>> text_or_file(
    const Invocation& invocation,
    std::string_view option,
    std::string_view file_option,
    std::size_t limit_bytes) {
    std::optional<std::string> text = invocation.value(option);
    const std::optional<std::string> file = invocation.value(file_option);
    if (text && file)
        return fail(
            Errc::bad_request,
            "give " + std::string(option) + " or " + std::string(file_option) + ", not both");
    if (!file)
        return text;
    KHEISH_TRY(text, read_input_file(*file, limit_bytes));
    return text;
}

std::vector<Option> input_options() {
    return {
        {"--content-file", "FILE", "Take the input from FILE"},
        {"--stdin", "", "Take the input from standard input"},
        {"--idempotency-key", "KEY", "The same key names the same run"},
        {"--metadata-json", "JSON", "An object that is kept with the run"},
        {"--provider", "ROUTE", "The model route"},
        {"--model", "MODEL", "The route's model"},
        {"--wait", "", "Wait for the run and show how it ended"},
    };
}

Result<Submitted> submit_input(
    Session& session,
    const Invocation& invocation,
    const std::string& session_id,
    std::string_view positional) {
    KHEISH_TRY(std::string content, read_content(invocation, positional));
    if (content.find('\0') != std::string::npos)
        return fail(Errc::bad_request, "the input holds a NUL character");
    Json options = Json::object({{"source_plugin", "kheishctl"}});
    set_given(options, invocation, "--idempotency-key", "idempotency_key");
    set_given(options, invocation, "--metadata-json", "metadata_json");
    set_given(options, invocation, "--provider", "provider");
    if (const std::optional<std::string> model = invocation.value("--model"))
        options.set("generation", Json::object({{"model", *model}}));
    KHEISH_TRY(std::string path, session_path(session_id));
    KHEISH_TRY(
        std::string run,
        session.call_text(
            {.path = std::move(path),
             .interface = kSession,
             .member = "SubmitInput",
             .content = std::move(content),
             .options = options}));
    return Submitted{std::move(run)};
}

Result<std::string> create_session(
    Session& session, const Invocation& invocation, const std::optional<std::string>& session_id) {
    Json options = Json::object();
    options.set_optional("session_id", session_id);
    set_given(options, invocation, "--thread-id", "thread_id");
    set_given(options, invocation, "--idempotency-key", "idempotency_key");
    const std::optional<std::string> given = invocation.value("--workspace");
    KHEISH_TRY(const std::string workspace, given ? absolute_path(*given) : current_directory());
    options.set("workspace", workspace);
    if (const std::optional<std::string> file = invocation.value("--permissions")) {
        KHEISH_TRY(const Json rules, read_rules(*file));
        options.set("permission_rules_json", codec::canonical_json(rules));
    }
    for (const auto& [member, option] :
         {std::pair("credential_scope_json", "--credential-scope"),
          std::pair("capability_scope_json", "--capability-scope")}) {
        const std::string prefix(option);
        KHEISH_TRY(
            const std::optional<std::string> scope,
            text_or_file(invocation, prefix + "-json", prefix + "-file", kScopeLimitBytes));
        options.set_optional(member, scope);
    }
    KHEISH_TRY(
        const std::string path,
        session.call_path(
            {.path = manager_path(),
             .interface = kManager,
             .member = "CreateSession",

             .options = options}));
    return session_of(path);
}

} // namespace kheish::ctl
