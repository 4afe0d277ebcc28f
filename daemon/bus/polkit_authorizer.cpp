#include "bus/polkit_authorizer.hpp"

#include "base/log.hpp"

#include <unistd.h>

namespace kheish::bus {

namespace {

constexpr const char* kPolkitName = "org.freedesktop.PolicyKit1";
constexpr const char* kPolkitPath = "/org/freedesktop/PolicyKit1/Authority";
constexpr const char* kPolkitInterface = "org.freedesktop.PolicyKit1.Authority";
constexpr std::uint32_t kAllowUserInteraction = 1;

struct Answer {
    bool authorized = false;
    bool challenge = false;
};

Result<Answer> read_answer(sd_bus_message* reply) {
    if (sd_bus_message_is_method_error(reply, nullptr) > 0)
        return fail(Errc::forbidden, sd_bus_message_get_error(reply)->name);
    int authorized = 0;
    int challenge = 0;
    if (sd_bus_message_enter_container(reply, 'r', "bba{ss}") <= 0 ||
        sd_bus_message_read(reply, "bb", &authorized, &challenge) <= 0)
        return fail(Errc::forbidden, "an answer that cannot be read");
    return Answer{authorized != 0, challenge != 0};
}

int write_subject(sd_bus_message* message, const govern::AuthorizationRequest& request) {
    if (!request.process)
        return sd_bus_message_append(
            message, "(sa{sv})", "system-bus-name", 1, "name", "s", request.bus_name.c_str());
    // Not "unix-session": polkitd 122 aborts where its rules are to be told of one. It finds the
    // session of a process by itself. A start time of 0 is looked up by polkit.
    return sd_bus_message_append(
        message,
        "(sa{sv})",
        "unix-process",
        3,
        "pid",
        "u",
        static_cast<std::uint32_t>(request.process->pid),
        "start-time",
        "t",
        std::uint64_t{0},
        "uid",
        "i",
        static_cast<std::int32_t>(request.process->uid));
}

class PolkitQuestion final : public govern::Authorization {
  public:
    PolkitQuestion(sd_bus* bus, std::string cancellation_id, Responder<void> responder)
        : bus_(bus), cancellation_id_(std::move(cancellation_id)),
          responder_(std::move(responder)) {}

    ~PolkitQuestion() override {
        if (slot_)
            cancel();
        responder_.dismiss();
    }

    int ask(const govern::AuthorizationRequest& request) {
        sd_bus_message* raw = nullptr;
        const int made = sd_bus_message_new_method_call(
            bus_, &raw, kPolkitName, kPolkitPath, kPolkitInterface, "CheckAuthorization");
        if (made < 0)
            return made;
        const BusMessage message(raw);
        if (const int written = write(raw, request); written < 0)
            return written;
        const std::chrono::microseconds timeout =
            request.interactive ? std::chrono::microseconds(PolkitAuthorizer::kPromptTimeout)
                                : std::chrono::microseconds(PolkitAuthorizer::kSilentTimeout);
        sd_bus_slot* slot = nullptr;
        const int sent = sd_bus_call_async(
            bus_, &slot, raw, on_reply, this, static_cast<std::uint64_t>(timeout.count()));
        slot_.reset(slot);
        return sent;
    }

    Responder<void> take_responder() { return std::move(responder_); }

  private:
    int write(sd_bus_message* message, const govern::AuthorizationRequest& request) const {
        int result = write_subject(message, request);
        if (result >= 0)
            result = sd_bus_message_append(message, "s", request.action.c_str());
        if (result >= 0)
            result = sd_bus_message_open_container(message, 'a', "{ss}");
        for (const auto& [key, value] : request.details)
            if (result >= 0)
                result = sd_bus_message_append(message, "{ss}", key.c_str(), value.c_str());
        if (result >= 0)
            result = sd_bus_message_close_container(message);
        if (result >= 0)
            result = sd_bus_message_append(
                message,
                "us",
                request.interactive ? kAllowUserInteraction : 0U,
                cancellation_id_.c_str());
        return result;
    }

    static int on_reply(sd_bus_message* reply, void* data, sd_bus_error*) noexcept {
        PolkitQuestion& question = *static_cast<PolkitQuestion*>(data);
        if (sd_bus_message_is_method_error(reply, SD_BUS_ERROR_NO_REPLY) > 0)
            question.cancel(); // polkit may still be asking
        question.slot_.reset();
        Responder<void> responder = question.take_responder();
        const Result<Answer> answer = read_answer(reply);
        // The question may be gone after the answer.
        if (!answer) {
            log(Level::warning,
                "polkit gave no answer, which counts as no",
                {{log_field::kError, answer.error().message}});
            responder.fail(
                Errc::forbidden, "polkit gave no answer (" + answer.error().message + ")");
        } else if (answer->authorized) {
            responder.answer({});
        } else if (answer->challenge) {
            responder.fail(Errc::unauthorized, "interactive authentication is required");
        } else {
            responder.fail(Errc::forbidden, "polkit does not allow it");
        }
        return 0;
    }

    void cancel() {
        sd_bus_message* raw = nullptr;
        if (sd_bus_message_new_method_call(
                bus_,
                &raw,
                kPolkitName,
                kPolkitPath,
                kPolkitInterface,
                "CancelCheckAuthorization") < 0)
            return;
        const BusMessage message(raw);
        if (sd_bus_message_append(raw, "s", cancellation_id_.c_str()) >= 0 &&
            sd_bus_message_set_expect_reply(raw, 0) >= 0)
            (void)sd_bus_send(bus_, raw, nullptr); // the bus is gone, and polkit notices that too
    }

    sd_bus* bus_;
    std::string cancellation_id_;
    Responder<void> responder_;
    BusSlot slot_;
};

} // namespace

std::unique_ptr<govern::Authorization>
PolkitAuthorizer::check(govern::AuthorizationRequest request, Responder<void> responder) {
    std::string cancellation_id =
        "kheishd-" + std::to_string(getpid()) + "-" + std::to_string(++last_number_);
    std::unique_ptr<PolkitQuestion> question =
        std::make_unique<PolkitQuestion>(bus_, std::move(cancellation_id), std::move(responder));
    if (const int asked = question->ask(request); asked < 0)
        question->take_responder().fail(
            system_error("polkit cannot be asked", -asked, Errc::forbidden));
    return question;
}

} // namespace kheish::bus
