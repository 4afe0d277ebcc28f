#pragma once

#include <sys/types.h>

namespace kheish::ctl {

/// A polkit agent for this terminal (pkttyagent(1)), as systemctl brings one: it asks for the
/// password while a call waits. Ends with the object.
class TtyAgent {
  public:
    /// Starts one where somebody can type and an agent is needed: standard input and output are a
    /// terminal, the caller is not root, the daemon is on this host. Waits until it is registered.
    /// Without pkttyagent a graphical agent may still ask.
    static TtyAgent start_if_useful(bool local);
    TtyAgent(TtyAgent&& other) noexcept;
    TtyAgent& operator=(TtyAgent&& other) noexcept;
    TtyAgent(const TtyAgent&) = delete;
    TtyAgent& operator=(const TtyAgent&) = delete;
    ~TtyAgent();

  private:
    explicit TtyAgent(pid_t pid) : pid_(pid) {}
    void stop() noexcept;

    pid_t pid_ = -1;
};

} // namespace kheish::ctl
