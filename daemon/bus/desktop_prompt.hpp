#pragma once

#include "base/timers.hpp"
#include "bus/gate_details.hpp"
#include "bus/user_sessions.hpp"
#include "control/service.hpp"
#include "govern/authorizer.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace kheish::bus {

/// Asks the users whose runs wait for an approval, and those whom it was escalated to, in their own
/// sessions: polkit's agent there shows what the run wants to do, and who authenticates has allowed
/// exactly that. Who does not has decided nothing: the gate waits on, and is not asked about again
/// but as a reminder.
///
/// One prompt per user at a time, about all gates of one run; none where no session of theirs is
/// active and unlocked. A gate that is decided elsewhere takes its prompt away. Nobody is asked who
/// may not decide about their gates elsewhere either, and nothing is allowed where polkit would say
/// yes without asking a person.
class DesktopPrompt {
  public:
    static constexpr std::string_view kAction = "ai.kheish.daemon1.release";
    /// How long a prompt stands before it is taken away and comes again later.
    static constexpr std::chrono::minutes kPatience{5};
    static constexpr std::chrono::minutes kPause{10};
    /// Between looks for an agent that is not there (yet), doubling.
    static constexpr std::chrono::seconds kFirstRetry{2};
    static constexpr std::chrono::seconds kLastRetry{60};
    static constexpr std::size_t kGatesLimit = 1000; ///< that are looked at when it begins

    /// All outlive it.
    DesktopPrompt(
        control::Service& service,
        govern::Authorizer& authorizer,
        UserSessions& sessions,
        Timers& timers);
    DesktopPrompt(const DesktopPrompt&) = delete;
    DesktopPrompt& operator=(const DesktopPrompt&) = delete;
    ~DesktopPrompt();

    void on_approval_changed(const ApprovalId& approval, bool appeared, bool settled);
    /// Asks about the gate again, and those whom it was escalated to.
    void on_approval_overdue(const ApprovalId& approval) { add(approval); }

  private:
    /// What is asked of polkit, one after the other.
    enum class Step { may_decide, takes_a_person, prompt };

    /// What is being asked of a user.
    struct Prompt {
        RunId run;
        std::vector<control::Resolution> resolutions;
        Details details; ///< what is shown of them
        UserSession session;
    };
    struct User {
        std::vector<ApprovalId> waiting; ///< in order; those of the prompt among them
        bool searching = false;
        bool search_again = false;
        std::unique_ptr<Prompt> prompt;
        std::unique_ptr<govern::Authorization> question;
        std::uint64_t asked = 0;      ///< the number of the question; 0: none
        std::unique_ptr<Timer> timer; ///< of the prompt, or of the next try
        std::chrono::seconds retry = kFirstRetry;
    };

    void add(const ApprovalId& approval);
    void add_for(uid_t uid, const ApprovalId& approval);
    void remove(uid_t uid, const ApprovalId& approval);
    void look(uid_t uid);
    void on_session(uid_t uid, UserSessions::Found session);
    void begin(uid_t uid, User& user, UserSession session);
    std::unique_ptr<Prompt> next_prompt(User& user) const;
    Result<Details> details_of_gates(const Prompt& prompt) const;
    void ask(uid_t uid, Step step);
    void on_answer(uid_t uid, Step step, const Result<void>& answer);
    void show(uid_t uid, User& user);
    void on_prompt_answered(uid_t uid, User& user, const Result<void>& answer);
    void release(uid_t uid, Prompt prompt);
    void on_refused(uid_t uid, const Prompt& prompt, const Error& why);
    /// Forgets the gates of the prompt, and the user where no other one waits.
    void drop(uid_t uid, User& user);
    void withdraw(User& user);
    void leave(uid_t uid, std::string_view why);
    void try_again(uid_t uid, std::chrono::seconds delay);

    control::Service& service_;
    govern::Authorizer& authorizer_;
    UserSessions& sessions_;
    Timers& timers_;
    std::map<uid_t, User> users_; ///< with gates that wait
    std::uint64_t last_question_ = 0;
    /// What answers hold: they may come after the end.
    std::shared_ptr<DesktopPrompt*> self_;
};

} // namespace kheish::bus
