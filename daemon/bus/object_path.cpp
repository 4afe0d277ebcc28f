#include "bus/object_path.hpp"

#include "base/assert.hpp"
#include "base/handle.hpp"

#include <cstdlib>

namespace kheish::bus {

namespace {

using CString = Handle<char, ::free>;

std::string encode(const char* prefix, const std::string& name) {
    char* path = nullptr;
    KHEISH_ASSERT(sd_bus_path_encode(prefix, name.c_str(), &path) >= 0);
    const CString owned(path);
    return owned.get();
}

std::optional<std::string> decode(const char* prefix, const std::string& path) {
    char* name = nullptr;
    if (sd_bus_path_decode(path.c_str(), prefix, &name) <= 0)
        return std::nullopt;
    const CString owned(name);
    // "_61" decodes to "a", which is spelled "a".
    if (encode(prefix, owned.get()) != path)
        return std::nullopt;
    return std::string(owned.get());
}

} // namespace

std::string object_path(const SessionId& session) {
    return encode(kSessionPrefix, session.value);
}

std::string object_path(RunId run) {
    return std::string(kRunPrefix) + "/" + std::to_string(run.number);
}

std::string object_path(const ApprovalId& approval) {
    return encode(kApprovalPrefix, approval.value);
}

std::string object_path(const QuestionId& question) {
    return encode(kQuestionPrefix, question.value);
}

std::optional<SessionId> session_at(const std::string& path) {
    const std::optional<std::string> name = decode(kSessionPrefix, path);
    if (!name)
        return std::nullopt;
    Result<SessionId> session = parse_session_id(*name);
    return session ? std::optional(std::move(*session)) : std::nullopt;
}

std::optional<RunId> run_at(const std::string& path) {
    const std::string prefix = std::string(kRunPrefix) + "/";
    if (!path.starts_with(prefix))
        return std::nullopt;
    return RunId::parse("run-" + path.substr(prefix.size()));
}

std::optional<ApprovalId> approval_at(const std::string& path) {
    std::optional<std::string> name = decode(kApprovalPrefix, path);
    if (!name || name->empty())
        return std::nullopt;
    return ApprovalId{std::move(*name)};
}

std::optional<QuestionId> question_at(const std::string& path) {
    std::optional<std::string> name = decode(kQuestionPrefix, path);
    if (!name || name->empty())
        return std::nullopt;
    return QuestionId{std::move(*name)};
}

} // namespace kheish::bus
