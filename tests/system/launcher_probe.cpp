#include "base/fd.hpp"
#include "base/text.hpp"
#include "sandbox/launcher_protocol.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/// One request to the launcher from a test:
///   launcher-probe SOCKET start RUN ATTEMPT UID WORKSPACE [PROFILE]
///   launcher-probe SOCKET stop RUN ATTEMPT [release]
///   launcher-probe SOCKET list
///   launcher-probe SOCKET sweep [RUN ATTEMPT]...
///   launcher-probe SOCKET raw TEXT       sends the text as a message
///   launcher-probe SOCKET ask TEXT       sends to the stand-in runner behind a run's socket
/// Prints the reply on one line; exit status 0 for success, 3 for an error reply.
namespace {

using namespace kheish;

constexpr sandbox::JournalId kJournal{0xaa, 0xbb};
constexpr int kRefused = 3;
constexpr int kTimeoutSeconds = 40;

using Words = std::vector<std::string>;

Result<Fd> connect_to(const std::string& path) {
    Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return fail(Errc::invalid_argument, "the path is too long");
    std::copy(path.begin(), path.end(), address.sun_path);
    const timeval timeout{kTimeoutSeconds, 0};
    (void)::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        return fail_errno("connecting to " + path, errno);
    return socket;
}

Result<std::string> ask(const Fd& socket, const std::string& message) {
    if (::send(socket.get(), message.data(), message.size(), MSG_NOSIGNAL) < 0)
        return fail_errno("sending", errno);
    std::string reply(sandbox::kMessageLimitBytes * 2, '\0');
    const ssize_t count = ::recv(socket.get(), reply.data(), reply.size(), 0);
    if (count <= 0)
        return fail_errno("receiving", count == 0 ? ECONNRESET : errno);
    reply.resize(static_cast<std::size_t>(count));
    return reply;
}

std::int64_t number(const Words& words, std::size_t index) {
    return index < words.size() ? parse_number<std::int64_t>(words[index]).value_or(-1) : -1;
}

sandbox::Attempt attempt(const Words& words, std::size_t index) {
    return {RunId{number(words, index)}, static_cast<int>(number(words, index + 1))};
}

Result<std::string> message_of(const Words& words) {
    const std::string& verb = words[1];
    if (verb == "raw")
        return words.size() > 2 ? words[2] : std::string();
    sandbox::Request request{1, sandbox::ListRequest{}};
    if (verb == "start" && words.size() >= 6) {
        sandbox::StartRequest start;
        start.journal = kJournal;
        start.attempt = attempt(words, 2);
        start.run_as = static_cast<uid_t>(number(words, 4));
        start.workspace = words[5];
        start.profile = words.size() > 6 ? words[6] : "default";
        request.body = start;
    } else if (verb == "stop") {
        request.body = sandbox::StopRequest{attempt(words, 2), words.size() > 4};
    } else if (verb == "sweep") {
        sandbox::SweepRequest sweep{kJournal, {}};
        for (std::size_t i = 2; i + 1 < words.size(); i += 2)
            sweep.live.push_back(attempt(words, i));
        request.body = sweep;
    } else if (verb != "list") {
        return fail(Errc::invalid_argument, "unknown request");
    }
    return sandbox::encode(request);
}

int show(const sandbox::Reply& reply) {
    if (const Error* error = std::get_if<Error>(&reply.body)) {
        std::printf("%s\n", error->to_string().c_str());
        return kRefused;
    }
    if (const auto* started = std::get_if<sandbox::StartedReply>(&reply.body))
        std::printf("started %s %s\n", started->slice_cgroup.c_str(), started->socket.c_str());
    else if (const auto* stopped = std::get_if<sandbox::StoppedReply>(&reply.body))
        std::printf("stopped %u\n", stopped->scopes_killed);
    else if (const auto* swept = std::get_if<sandbox::SweptReply>(&reply.body))
        std::printf("swept %u %u\n", swept->scopes_killed, swept->slices_released);
    else if (const auto* list = std::get_if<sandbox::ListReply>(&reply.body)) {
        std::printf("list");
        for (const sandbox::ListEntry& entry : list->entries)
            std::printf(
                " %s-%d%s",
                entry.attempt.run.to_string().c_str(),
                entry.attempt.number,
                entry.journal == kJournal ? "" : "?");
        std::printf("\n");
    }
    return EXIT_SUCCESS;
}

Result<int> talk(const Words& words) {
    KHEISH_TRY(const Fd socket, connect_to(words[0]));
    if (words[1] == "ask") {
        KHEISH_TRY(const std::string text, ask(socket, words.size() > 2 ? words[2] : ""));
        std::printf("%s\n", text.c_str());
        return EXIT_SUCCESS;
    }
    KHEISH_TRY(const std::string message, message_of(words));
    KHEISH_TRY(const std::string bytes, ask(socket, message));
    KHEISH_TRY(const sandbox::Reply reply, sandbox::decode_reply(bytes));
    return show(reply);
}

} // namespace

int main(int argument_count, char** arguments) {
    const Words words(arguments + 1, arguments + argument_count);
    if (words.size() < 2)
        return EXIT_FAILURE;
    const Result<int> result = talk(words);
    if (result)
        return *result;
    (void)std::fprintf(stderr, "%s\n", result.error().to_string().c_str());
    return EXIT_FAILURE;
}
