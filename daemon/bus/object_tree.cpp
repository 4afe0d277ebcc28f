#include "bus/object_tree.hpp"

#include "bus/edge.hpp"
#include "bus/error_reply.hpp"
#include "bus/interface.hpp"
#include "bus/object_path.hpp"

#include <array>
#include <cstdlib>
#include <cstring>
#include <string>

namespace kheish::bus {

namespace {

Result<Principal> owner_of(const control::Service& service, const SessionId& session) {
    return service.session_owner(session);
}
Result<Principal> owner_of(const control::Service& service, RunId run) {
    return service.run_owner(run);
}
Result<Principal> owner_of(const control::Service& service, const ApprovalId& approval) {
    return service.approval_owner(approval);
}

Result<Principal> owner_of(const control::Service& service, const QuestionId& question) {
    return service.question_owner(question);
}

/// sd_bus_node_enumerator_t wants an array from malloc(3) of strings from malloc(3).
int give_nodes(const std::vector<std::string>& paths, char*** nodes) {
    char** const list = static_cast<char**>(std::calloc(paths.size() + 1, sizeof(char*)));
    if (list == nullptr)
        return -ENOMEM;
    for (std::size_t i = 0; i < paths.size(); ++i)
        list[i] = strdup(paths[i].c_str()); // a null ends the list early
    *nodes = list;
    return 0;
}

template <class Id>
int give_visible(const BusEdge& edge, const std::vector<Id>& ids, char*** nodes) {
    std::vector<std::string> paths;
    for (const Id& id : ids) {
        const Result<Principal> owner = owner_of(edge.service(), id);
        if (owner && edge.reader_may_see(*owner))
            paths.push_back(object_path(id));
    }
    return give_nodes(paths, nodes);
}

int enumerate_sessions(sd_bus*, const char*, void* data, char*** nodes, sd_bus_error*) noexcept {
    const BusEdge& edge = *static_cast<BusEdge*>(data);
    return give_visible(edge, edge.service().live_sessions(BusEdge::kListedLimit), nodes);
}

int enumerate_runs(sd_bus*, const char*, void* data, char*** nodes, sd_bus_error*) noexcept {
    const BusEdge& edge = *static_cast<BusEdge*>(data);
    return give_visible(edge, edge.service().live_runs(BusEdge::kListedLimit), nodes);
}

int enumerate_approvals(sd_bus*, const char*, void* data, char*** nodes, sd_bus_error*) noexcept {
    const BusEdge& edge = *static_cast<BusEdge*>(data);
    return give_visible(edge, edge.service().pending_approvals(BusEdge::kListedLimit), nodes);
}

int enumerate_questions(sd_bus*, const char*, void* data, char*** nodes, sd_bus_error*) noexcept {
    const BusEdge& edge = *static_cast<BusEdge*>(data);
    return give_visible(edge, edge.service().pending_questions(BusEdge::kListedLimit), nodes);
}

/// A path that names nothing is no object of ours. One that names a thing that is not there, or not
/// for this caller, gets the error that says so, the same in both cases.
template <class Id>
int find(
    const std::optional<Id>& id, Errc not_found, void* data, void** found, sd_bus_error* error) {
    if (!id)
        return 0;
    const BusEdge& edge = *static_cast<BusEdge*>(data);
    const Result<Principal> owner = owner_of(edge.service(), *id);
    if (!owner && owner.error().code != not_found)
        return set_error(error, owner.error());
    if (!owner || !edge.caller_may_find(*owner))
        return set_error(
            error,
            Error{.code = not_found, .message = "it does not exist, or is not yours to see"});
    *found = data;
    return 1;
}

int find_session(
    sd_bus*,
    const char* path,
    const char*,
    void* data,
    void** found,
    sd_bus_error* error) noexcept {
    return find(session_at(path), Errc::session_not_found, data, found, error);
}

int find_run(
    sd_bus*,
    const char* path,
    const char*,
    void* data,
    void** found,
    sd_bus_error* error) noexcept {
    return find(run_at(path), Errc::run_not_found, data, found, error);
}

int find_approval(
    sd_bus*,
    const char* path,
    const char*,
    void* data,
    void** found,
    sd_bus_error* error) noexcept {
    return find(approval_at(path), Errc::approval_not_found, data, found, error);
}

int find_question(
    sd_bus*,
    const char* path,
    const char*,
    void* data,
    void** found,
    sd_bus_error* error) noexcept {
    return find(question_at(path), Errc::question_not_found, data, found, error);
}

} // namespace

std::span<const ObjectKind> object_kinds() {
    static const std::array kinds{
        ObjectKind{
            kSessionPrefix, kSessionInterface, session_vtable(), find_session, enumerate_sessions},
        ObjectKind{kRunPrefix, kRunInterface, run_vtable(), find_run, enumerate_runs},
        ObjectKind{
            kApprovalPrefix,
            kApprovalInterface,
            approval_vtable(),
            find_approval,
            enumerate_approvals},
        ObjectKind{
            kQuestionPrefix,
            kQuestionInterface,
            question_vtable(),
            find_question,
            enumerate_questions},
    };
    return kinds;
}

std::span<const Interface> interfaces() {
    static const std::array list{
        Interface{kManagerInterface, manager_vtable()},
        Interface{kSessionInterface, session_vtable()},
        Interface{kRunInterface, run_vtable()},
        Interface{kApprovalInterface, approval_vtable()},
        Interface{kQuestionInterface, question_vtable()},
    };
    return list;
}

} // namespace kheish::bus
