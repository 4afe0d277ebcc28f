#pragma once

#include "base/fd.hpp"
#include "base/handle.hpp"
#include "base/ids.hpp"
#include "base/secret.hpp"
#include "codec/json.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace kheish::ctl {

inline constexpr const char* kManager = "ai.kheish.Daemon1.Manager";
inline constexpr const char* kSession = "ai.kheish.Daemon1.Session";
inline constexpr const char* kRun = "ai.kheish.Daemon1.Run";
inline constexpr const char* kApproval = "ai.kheish.Daemon1.Approval";
inline constexpr const char* kQuestion = "ai.kheish.Daemon1.Question";

/// One method of one object.
struct Call {
    std::string path;
    const char* interface = kManager;
    const char* member = "";
    std::optional<std::string> content = {};   ///< an "s" before the options
    std::optional<codec::Json> options = {};   ///< an a{sv}
    std::shared_ptr<const Secret> secret = {}; ///< an "h" behind them: in a sealed memory file
};

/// Whether the method changes nothing, so that it may be asked again when nobody has answered.
bool is_read(std::string_view member);

/// kheishd over the system bus, or over that of another host by ssh. Calls block.
class BusClient {
  public:
    struct Settings {
        std::string host; ///< empty: this one
        bool ask_password = true;
    };
    /// Errc::daemon_unreachable where there is no bus.
    static Result<BusClient> connect(const Settings& settings);

    /// What a kheishd that is leaving refuses is asked again, and what changes nothing also when
    /// kheishd has died over it. Where the answer is that it takes a password, and one may be asked
    /// for, brings a polkit agent for this terminal and calls again.
    Result<BusMessage> call(const Call& call);
    /// call() of a method that answers with JSON text.
    Result<codec::Json> call_json(const Call& call);
    /// call() of a method that answers with one string or object path.
    Result<std::string> call_text(const Call& call, char type);
    /// call() of a method that answers with a descriptor.
    Result<Fd> call_fd(const Call& call);

  private:
    BusClient(BusHandle bus, Settings settings)
        : bus_(std::move(bus)), settings_(std::move(settings)) {}
    Result<BusMessage> call_once(const Call& call, bool interactive);
    Result<BusMessage> call_through_restart(const Call& call, bool interactive);

    BusHandle bus_;
    Settings settings_;
};

std::string manager_path();
/// Errc::invalid_session_id or Errc::bad_request for what is no id.
Result<std::string> session_path(const std::string& session);
Result<std::string> run_path(const std::string& run);
Result<std::string> approval_path(const std::string& approval);
Result<std::string> question_path(const std::string& question);

} // namespace kheish::ctl
