#include "base/text.hpp"
#include "codec/json.hpp"
#include "codec/packet_socket.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

/// The daemon's end of a run's channel, from a test:
///   runner-probe RUN known                    what the runner keeps: "running A... finished B..."
///   runner-probe RUN start CALL SCRIPT        a bash call; does not wait
///   runner-probe RUN tool CALL TOOL INPUT     any call; waits, acknowledges, prints its text
///   runner-probe RUN bash CALL SCRIPT         the same for bash
///   runner-probe RUN wait CALL                waits, prints, acknowledges
///   runner-probe RUN cancel CALL              cancels, then as wait
/// The last line of an outcome is its kind. The run's socket is /run/kheish/runs/RUN.sock, and the
/// attempt is $ATTEMPT or 1.
namespace {

using namespace kheish;
using namespace codec::runner;

constexpr int kWaitMilliseconds = 60'000;

using Words = std::vector<std::string>;

Result<Fd> connect_to(const std::string& path) {
    Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::copy_n(path.begin(), std::min(path.size(), sizeof address.sun_path - 1), address.sun_path);
    if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        return fail_errno("connecting to " + path, errno);
    return socket;
}

Result<Message> next(PacketSocket& socket) {
    pollfd readable{socket.fd(), POLLIN, 0};
    if (::poll(&readable, 1, kWaitMilliseconds) != 1)
        return fail(Errc::timeout, "the runner says nothing");
    KHEISH_TRY(std::optional<Received> received, socket.receive());
    if (!received)
        return fail(Errc::protocol_error, "the socket was ready with nothing");
    return std::move(received->message);
}

Result<HelloReply> greet(PacketSocket& socket, const Words& words) {
    const char* attempt = std::getenv("ATTEMPT");
    HelloRequest hello;
    hello.run = RunId{parse_number<std::int64_t>(words[0]).value_or(0)};
    hello.attempt = parse_number<int>(attempt != nullptr ? attempt : "1").value_or(1);
    KHEISH_CHECK(socket.send(hello));
    KHEISH_TRY(const Message message, next(socket));
    if (const HelloReply* reply = std::get_if<HelloReply>(&message)) {
        // A connection that ends with something unread takes along what was sent over it.
        KHEISH_TRY(const Message project, next(socket));
        if (!std::holds_alternative<ProjectPermissions>(project))
            return fail(Errc::protocol_error, "a hello is not followed by the project's rules");
        return *reply;
    }
    const Refused* refused = std::get_if<Refused>(&message);
    return fail(Errc::protocol_error, refused != nullptr ? refused->reason : "no hello");
}

Status wait_for(PacketSocket& socket, const CallId& call) {
    for (;;) {
        KHEISH_TRY(const Message message, next(socket));
        const Finished* finished = std::get_if<Finished>(&message);
        if (finished == nullptr || finished->call != call)
            continue;
        std::printf(
            "%s%s\n", finished->text.c_str(), std::string(to_string(finished->kind)).c_str());
        return socket.send(Acknowledge{call});
    }
}

Status send_call(PacketSocket& socket, const Words& words, bool bash) {
    Execute execute;
    execute.call = CallId{words[2]};
    execute.tool = bash ? "bash" : words[3];
    execute.input =
        bash ? codec::canonical_json(codec::Json::object({{"command", words[3]}})) : words[4];
    execute.timeout_ms = 60'000;
    execute.output_limit_bytes = 1 << 20;
    return socket.send(execute);
}

void print_known(const HelloReply& reply) {
    std::printf("running");
    for (const CallId& call : reply.running)
        std::printf(" %s", call.value.c_str());
    std::printf(" finished");
    for (const CallId& call : reply.finished)
        std::printf(" %s", call.value.c_str());
    std::printf("\n");
}

Status talk(const Words& words) {
    KHEISH_TRY(Fd connected, connect_to("/run/kheish/runs/" + words[0] + ".sock"));
    PacketSocket socket(std::move(connected));
    KHEISH_TRY(const HelloReply reply, greet(socket, words));
    const std::string& verb = words[1];
    if (verb == "known") {
        print_known(reply);
        return {};
    }
    if (words.size() < 3)
        return fail(Errc::invalid_argument, "no call is named");
    const CallId call{words[2]};
    if (verb == "start" || verb == "bash" || verb == "tool")
        KHEISH_CHECK(send_call(socket, words, verb != "tool"));
    if (verb == "cancel")
        KHEISH_CHECK(socket.send(Cancel{call}));
    return verb == "start" ? Status() : wait_for(socket, call);
}

} // namespace

int main(int argument_count, char** arguments) {
    Words words(arguments + 1, arguments + argument_count);
    if (words.size() < 2)
        return EXIT_FAILURE;
    words.resize(std::max<std::size_t>(words.size(), words[1] == "tool" ? 5 : 2));
    if ((words[1] == "start" || words[1] == "bash") && words.size() < 4)
        return EXIT_FAILURE;
    const Status done = talk(words);
    if (done)
        return EXIT_SUCCESS;
    (void)std::fprintf(stderr, "%s\n", done.error().to_string().c_str());
    return EXIT_FAILURE;
}
