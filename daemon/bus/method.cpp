#include "bus/method.hpp"

#include "base/log.hpp"
#include "bus/edge.hpp"
#include "bus/error_reply.hpp"
#include "bus/object_path.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace kheish::bus {

namespace {

Result<Fd> sealed_file(std::string_view text) {
    Fd file(memfd_create("kheish-view", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!file)
        return fail_errno("making a memory file", errno);
    KHEISH_CHECK(write_all(file.get(), text));
    if (lseek(file.get(), 0, SEEK_SET) < 0 ||
        fcntl(file.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) <
            0)
        return fail_errno("sealing a memory file", errno);
    return file;
}

void log_unsent(int result) {
    if (result < 0)
        log(Level::debug,
            "a reply was not sent: the caller or the bus is gone",
            {{log_field::kError, std::to_string(-result)}});
}

} // namespace

int carry_out(BusEdge& edge, sd_bus_message* call, sd_bus_error* error, Result<Plan> plan) {
    if (!plan)
        return set_error(error, plan.error());
    const char* const sender = sd_bus_message_get_sender(call);
    const bool interactive = sd_bus_message_get_allow_interactive_authorization(call) > 0;
    BusMessage owned(sd_bus_message_ref(call));
    edge.access().check(
        sender != nullptr ? sender : "",
        interactive,
        std::move(plan->access),
        Responder<control::Caller>([act = std::move(plan->act), message = std::move(owned)](
                                       Result<control::Caller> caller) mutable {
            if (caller)
                act(*caller, std::move(message));
            else
                reply_error(message.get(), caller.error());
        }));
    return 1; // sd-bus sends no answer of its own
}

void reply_json(sd_bus_message* call, const Result<codec::Json>& view) {
    if (!view)
        return reply_error(call, view.error());
    const std::string text = codec::canonical_json(*view);
    if (text.size() > kReplyLimitBytes)
        return reply_error(
            call,
            Error{
                .code = Errc::payload_too_large,
                .message = "the view is too long for a message; ask for a smaller page"});
    log_unsent(sd_bus_reply_method_return(call, "s", text.c_str()));
}

Responder<codec::Json> json_responder(BusMessage call) {
    return Responder<codec::Json>([message = std::move(call)](const Result<codec::Json>& view) {
        reply_json(message.get(), view);
    });
}

void reply_json_file(sd_bus_message* call, const Result<codec::Json>& view) {
    if (!view)
        return reply_error(call, view.error());
    const Result<Fd> file = sealed_file(codec::canonical_json(*view));
    if (!file)
        return reply_error(call, file.error());
    log_unsent(sd_bus_reply_method_return(call, "h", file->get()));
}

Result<SessionId> session_of(sd_bus_message* call) {
    const std::string path = sd_bus_message_get_path(call);
    const std::optional<SessionId> session = session_at(path);
    if (!session)
        return fail(Errc::session_not_found, path + " names no session");
    return *session;
}

Result<RunId> run_of(sd_bus_message* call) {
    const std::string path = sd_bus_message_get_path(call);
    const std::optional<RunId> run = run_at(path);
    if (!run)
        return fail(Errc::run_not_found, path + " names no run");
    return *run;
}

Result<ApprovalId> approval_of(sd_bus_message* call) {
    const std::string path = sd_bus_message_get_path(call);
    const std::optional<ApprovalId> approval = approval_at(path);
    if (!approval)
        return fail(Errc::approval_not_found, path + " names no approval");
    return *approval;
}

Result<QuestionId> question_of(sd_bus_message* call) {
    const std::string path = sd_bus_message_get_path(call);
    const std::optional<QuestionId> question = question_at(path);
    if (!question)
        return fail(Errc::question_not_found, path + " names no question");
    return *question;
}

} // namespace kheish::bus
