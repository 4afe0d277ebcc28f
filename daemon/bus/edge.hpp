#pragma once

#include "base/handle.hpp"
#include "bus/access.hpp"
#include "bus/desktop_prompt.hpp"
#include "bus/followers.hpp"
#include "bus/signals.hpp"
#include "control/service.hpp"

#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace kheish::bus {

/// kheishd on one D-Bus connection: the objects below /ai/kheish/Daemon1, their signals, and
/// org.freedesktop.LogControl1. It only parses, asks whether the caller may, calls the service and
/// answers.
///
/// Who may see what: things are shown to their owner and to root. Signals go to those of their
/// clients that have called kheishd and are still on the bus, one by one, never to the whole bus,
/// for already the path of a session names it; they carry the state of a thing and not its content
/// (names of tools, texts, paths are announced as invalidated). Properties, introspection and
/// ObjectManager say of the things of others what they say of things that do not exist. Everybody
/// else has the methods, which ask polkit. ObjectManager shows live things, at most kListedLimit of
/// a kind.
class BusEdge final : public control::ChangeListener {
    struct Key {}; ///< only open() makes one

  public:
    static constexpr std::size_t kListedLimit = 1000;
    static constexpr std::size_t kHeldReadLimit = 1024;

    /// All outlive the edge.
    struct Environment {
        loop::Loop& loop;
        Timers& timers;
        control::Service& service;
        Peers& peers;
        govern::Authorizer& authorizer;
    };

    /// Registers the objects on `bus` and listens to the service's changes. Takes no bus name.
    static Result<std::unique_ptr<BusEdge>> open(sd_bus* bus, Environment environment);
    BusEdge(Key, sd_bus* bus, Environment environment);
    ~BusEdge() override;
    BusEdge(const BusEdge&) = delete;
    BusEdge& operator=(const BusEdge&) = delete;

    control::Service& service() const { return service_; }
    Access& access() { return access_; }
    Followers& followers() { return followers_; }

    /// Told of approvals too; nobody until set. Outlives the edge, or is taken away before its end.
    void set_prompt(DesktopPrompt* prompt) { prompt_ = prompt; }

    void on_session_changed(const SessionId& session, bool created, bool ended) override;
    void on_run_changed(RunId run, bool appeared, bool ended) override;
    void on_approval_changed(const ApprovalId& approval, bool appeared, bool settled) override;
    void on_approval_overdue(const ApprovalId& approval) override;
    void on_question_changed(const QuestionId& question, bool appeared, bool settled) override;

    /// Whether whoever reads a property now may know about things of `owner`: a signal on its way
    /// to those who may, the owner, or root.
    bool reader_may_see(const Principal& owner) const;
    /// Whether the call at hand may find out that `owner` has a thing: as above, and methods of our
    /// interfaces may, which ask polkit before they say anything.
    bool caller_may_find(const Principal& owner) const;
    /// Whether the message being handled comes from root.
    bool caller_is_root() const;
    /// Who sent the message being handled, where that has been found out.
    std::optional<uid_t> calling_uid() const;

    /// The things that are read for the property at hand; kept while one signal is made.
    Result<control::RunSummary> run_summary(RunId run);
    Result<control::SessionSummary> session_summary(const SessionId& session);
    Result<control::ApprovalSummary> approval_summary(const ApprovalId& approval);
    Result<control::QuestionSummary> question_summary(const QuestionId& question);

  private:
    using Memo = std::variant<
        std::monostate,
        control::RunSummary,
        control::SessionSummary,
        control::ApprovalSummary,
        control::QuestionSummary>;
    enum class Change { appeared, changed, ended };

    Status add_objects();
    /// Takes `slot` over. By reference: arguments are evaluated in any order, and the call that
    /// fills the slot is one of them.
    Status add(int result, sd_bus_slot*& slot, const char* what);
    template <class Summary>
    void announce(
        std::string path,
        const Interface& interface,
        Change change,
        const Result<Summary>& summary);
    void tell(const Subject& subject, Change change, const std::string& client);

    static int hold_reads(sd_bus_message* message, void* data, sd_bus_error* error) noexcept;
    void hold(sd_bus_message* message, const std::string& sender);

    sd_bus* bus_;
    control::Service& service_;
    Peers& peers_;
    Access access_;
    Followers followers_;
    Memo memo_;
    bool announcing_ = false;
    DesktopPrompt* prompt_ = nullptr;
    std::shared_ptr<std::size_t> held_reads_; ///< shared with answers that may outlive the edge
    std::vector<BusSlot> slots_;
};

} // namespace kheish::bus
