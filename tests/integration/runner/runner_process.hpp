#pragma once

#include "base/fd.hpp"
#include "codec/packet_socket.hpp"

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace kheish::testing {

/// A real kheish-runner on a workspace of its own, as an unprivileged user, started as the launcher
/// does it but for the namespaces of bubblewrap.
class RunnerProcess {
  public:
    /// The program is $KHEISH_RUNNER.
    RunnerProcess();
    RunnerProcess(const RunnerProcess&) = delete;
    RunnerProcess& operator=(const RunnerProcess&) = delete;
    ~RunnerProcess();

    pid_t pid() const { return pid_; }
    const std::filesystem::path& workspace() const { return workspace_; }
    const std::filesystem::path& directory() const { return directory_; }
    std::string socket_path() const { return (directory_ / "17.sock").string(); }
    /// SIGKILL, and waits for its end.
    void kill();
    /// A file of the workspace, for the runner's user to read and write.
    void write(const std::string& name, const std::string& content) const;
    std::string read(const std::string& name) const;

  private:
    std::filesystem::path directory_;
    std::filesystem::path workspace_;
    pid_t pid_ = -1;
};

/// The daemon's end of a channel, waiting where kheishd would return to its loop.
class Client {
  public:
    /// Connects; no hello yet.
    explicit Client(const RunnerProcess& runner);

    /// Connects and says hello; `reply()` then has the answer.
    static Client greeted(const RunnerProcess& runner);
    const codec::runner::HelloReply& reply() const { return reply_; }
    /// What came with it.
    const codec::runner::ProjectPermissions& project() const { return project_; }

    void send(const codec::runner::Message& message, std::vector<Fd> descriptors = {});
    /// Any bytes as one packet.
    void send_raw(const std::string& packet);
    /// The next message; a failed test and `Refused` where none comes in time or the connection
    /// ends.
    codec::runner::Message receive();
    /// True where the connection ends, whatever comes before.
    bool ends();

    /// Sends a call without spool, waits for its end and acknowledges it.
    codec::runner::Finished call(const std::string& tool, const std::string& input);
    /// Sends a call; the id.
    CallId start(const std::string& tool, const std::string& input, int timeout_ms = 20'000);
    /// The end of a call; those of other calls are kept for their own wait(). What is prepared
    /// proceeds.
    codec::runner::Finished wait(const CallId& call);

  private:
    codec::runner::PacketSocket socket_;
    codec::runner::HelloReply reply_;
    codec::runner::ProjectPermissions project_;
    std::map<CallId, codec::runner::Finished> ended_; ///< not asked for yet
    int calls_ = 0;
};

/// Waits until `condition` holds; false after 20 seconds.
template <class Condition>
bool eventually(Condition condition) {
    const std::chrono::steady_clock::time_point deadline =
        std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < deadline)
        if (condition())
            return true;
    return false;
}

} // namespace kheish::testing
