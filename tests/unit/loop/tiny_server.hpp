#pragma once

#include "base/assert.hpp"
#include "base/text.hpp"
#include "loop/fd_watch.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace kheish::loop {

/// A raw TCP server on a loop: answers every request with the same bytes (nothing where they are
/// empty) and, with `hang_up`, then closes the connection.
class TinyServer {
  public:
    explicit TinyServer(Loop& loop, std::string answer, bool hang_up = false)
        : loop_(loop), answer_(std::move(answer)), hang_up_(hang_up) {
        listener_ = Fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* const generic = reinterpret_cast<sockaddr*>(&address);
        KHEISH_ASSERT(bind(listener_.get(), generic, size) == 0);
        KHEISH_ASSERT(listen(listener_.get(), 64) == 0);
        KHEISH_ASSERT(getsockname(listener_.get(), generic, &size) == 0);
        url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/";
        watch_ = std::make_unique<FdWatch>(
            loop, listener_.get(), Interest{.read = true}, [this](Interest) { accept_one(); });
    }
    const std::string& url() const { return url_; }
    const std::vector<std::string>& requests() const { return requests_; }
    std::size_t open_connections() const {
        return static_cast<std::size_t>(std::count_if(
            connections_.begin(), connections_.end(), [](const auto& c) { return bool(c->fd); }));
    }

  private:
    struct Connection {
        Fd fd;
        std::string input;
        std::unique_ptr<FdWatch> watch;
    };

    static bool is_complete(const std::string& request) {
        constexpr char kTlsHandshake = '\x16';
        if (request.front() == kTlsHandshake)
            return true;
        constexpr std::string_view kLength = "Content-Length: ";
        const std::size_t head_end = request.find("\r\n\r\n");
        if (head_end == std::string::npos)
            return false;
        const std::size_t length = request.find(kLength);
        if (length > head_end)
            return true;
        const std::size_t begin = length + kLength.size();
        const std::string_view digits =
            std::string_view(request).substr(begin, request.find('\r', begin) - begin);
        return request.size() == head_end + 4 + parse_number<std::size_t>(digits).value_or(0);
    }
    void accept_one() {
        connections_.push_back(std::make_unique<Connection>());
        Connection& connection = *connections_.back();
        connection.fd =
            Fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        connection.watch = std::make_unique<FdWatch>(
            loop_, connection.fd.get(), Interest{.read = true}, [this, &connection](Interest) {
                serve(connection);
            });
    }
    void serve(Connection& connection) {
        char buffer[4096];
        const ssize_t size = read(connection.fd.get(), buffer, sizeof buffer);
        if (size <= 0) {
            connection.watch.reset();
            connection.fd.reset();
            return;
        }
        connection.input.append(buffer, static_cast<std::size_t>(size));
        if (!is_complete(connection.input) || answer_.empty())
            return;
        requests_.push_back(std::exchange(connection.input, {}));
        KHEISH_ASSERT(write_all(connection.fd.get(), answer_).has_value());
        if (hang_up_) {
            connection.watch.reset();
            connection.fd.reset();
        }
    }

    Loop& loop_;
    std::string answer_;
    bool hang_up_;
    std::vector<std::string> requests_;
    std::string url_;
    Fd listener_;
    std::vector<std::unique_ptr<Connection>> connections_;
    std::unique_ptr<FdWatch> watch_;
};

} // namespace kheish::loop
