#pragma once

#include "bus_client.hpp"
#include "command.hpp"

#include <memory>
#include <string>
#include <vector>

namespace kheish::ctl {

/// What a command works with: how to show things, and the connection, made when it is needed.
class Session {
  public:
    Session(const Invocation& invocation, std::vector<std::string> words);

    bool json() const { return json_; }
    Result<codec::Json> call_json(const Call& call);
    Result<std::string> call_path(const Call& call);
    Result<std::string> call_text(const Call& call);
    /// Over ssh, where a descriptor cannot travel, the whole command runs on the other host.
    Result<Fd> call_fd(const Call& call);
    /// Where another host was named, the whole command runs there, over ssh; comes back only with
    /// success where none was, or an error.
    Status go_to_host();
    /// Forgets a connection that is lost; the next call makes a new one.
    void disconnect() { client_.reset(); }
    /// Shows a view: JSON, or `pretty`.
    int show(const codec::Json& view, const std::string& pretty) const;

  private:
    Result<BusClient*> client();

    bool json_;
    BusClient::Settings settings_;
    std::vector<std::string> words_;
    std::unique_ptr<BusClient> client_;
};

} // namespace kheish::ctl
