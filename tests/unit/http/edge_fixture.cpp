#include "edge_fixture.hpp"

#include <array>
#include <cerrno>

namespace kheish::http {

namespace {

/// libevent reads 4 KiB in a turn, so a full socket takes some turns without a visible result.
constexpr int kIdleTurns = 100;

std::string lower(std::string text) {
    for (char& c : text)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    return text;
}

} // namespace

std::optional<Answer> take_answer(std::string& text, bool head_only) {
    const std::size_t end = text.find("\r\n\r\n");
    if (end == std::string::npos)
        return std::nullopt;
    Answer answer;
    answer.status = parse_number<int>(std::string_view(text).substr(9, 3)).value_or(0);
    std::size_t at = text.find("\r\n") + 2;
    while (at < end) {
        const std::size_t line_end = text.find("\r\n", at);
        const std::string line = text.substr(at, line_end - at);
        const std::size_t colon = line.find(": ");
        answer.headers[lower(line.substr(0, colon))] = line.substr(colon + 2);
        at = line_end + 2;
    }
    const std::size_t size =
        head_only ? 0 : parse_number<std::size_t>(answer.header("content-length")).value_or(0);
    if (text.size() < end + 4 + size)
        return std::nullopt;
    answer.body = text.substr(end + 4, size);
    text.erase(0, end + 4 + size);
    return answer;
}

std::string dechunk(std::string_view text, bool* ended) {
    std::string data;
    while (!text.empty()) {
        const std::size_t line = text.find("\r\n");
        std::size_t size = 0;
        (void)std::from_chars(text.data(), text.data() + line, size, 16);
        if (size == 0) {
            if (ended != nullptr)
                *ended = text == "0\r\n\r\n";
            return data;
        }
        data += text.substr(line + 2, size);
        text.remove_prefix(std::min(line + 2 + size + 2, text.size()));
    }
    return data;
}

Edge::Client Edge::connect() {
    std::array<int, 2> ends{};
    KHEISH_ASSERT(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    const Status adopted = server.adopt(Fd(ends[0]), identity);
    (void)adopted; // a refused connection has its answer on the socket
    return {*this, Fd(ends[1])};
}

void Edge::settle() {
    for (int turn = 0; turn < kIdleTurns; ++turn)
        loop->turn(false);
}

void Edge::pass(std::chrono::seconds time) {
    for (std::chrono::seconds second{0}; second < time; ++second) {
        timers.advance(std::chrono::seconds(1));
        settle();
    }
}

void Edge::Client::send(std::string_view bytes) {
    while (!bytes.empty() && !closed_) {
        const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN)
            return;
        bytes.remove_prefix(sent > 0 ? static_cast<std::size_t>(sent) : 0);
        edge_.loop->turn(false);
        if (sent < 0)
            (void)read_some();
    }
}

bool Edge::Client::read_some() {
    std::array<char, 65536> buffer{};
    const ssize_t size = recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size > 0)
        received.append(buffer.data(), static_cast<std::size_t>(size));
    else if (size == 0 || errno != EAGAIN)
        closed_ = true;
    return size > 0;
}

const std::string& Edge::Client::receive() {
    for (int idle = 0; idle < kIdleTurns && !closed_; ++idle) {
        edge_.loop->turn(false);
        if (read_some())
            idle = 0;
    }
    return received;
}

Answer Edge::Client::ask(std::string_view request, bool head_only) {
    send(request);
    (void)receive();
    return take_answer(received, head_only).value_or(Answer{});
}

} // namespace kheish::http
