#include "control/lease_requests.hpp"

#include "codec/object_reader.hpp"
#include "control/requests.hpp"

#include <utility>

namespace kheish::control {

using codec::Json;
using codec::ObjectReader;

Status check_subject(const std::string& subject) {
    const std::size_t colon = subject.find(':');
    const std::string kind = subject.substr(0, colon);
    const bool good = colon != std::string::npos && colon + 1 < subject.size() &&
                      subject.size() <= kSubjectLimitBytes &&
                      (kind == "session" || kind == "agent");
    if (good)
        return {};
    return fail(
        Errc::bad_request, "a subject is \"session:<id>\" or \"agent:<id>\", such as session:demo");
}

Result<NamedRequest> parse_named(const Json& options) {
    ObjectReader reader(options, "options");
    NamedRequest request;
    request.name = reader.required_string("name", kSubjectLimitBytes);
    request.reason = reader.optional_string("reason", kReasonLimitBytes).value_or("");
    KHEISH_CHECK(reader.finish());
    return request;
}

Result<NamedRequest> parse_named(std::string name, const Json& body) {
    ObjectReader reader(body, "body");
    NamedRequest request{.name = std::move(name)};
    request.reason = reader.optional_string("reason", kReasonLimitBytes).value_or("");
    KHEISH_CHECK(reader.finish());
    return request;
}

} // namespace kheish::control
