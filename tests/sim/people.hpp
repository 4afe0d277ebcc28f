#pragma once

#include "agenda.hpp"
#include "control/service.hpp"
#include "oracle.hpp"
#include "random.hpp"

#include <map>
#include <string>
#include <vector>

namespace kheish::sim {

/// Clients who submit work and come back until they know that it was taken, and people who answer
/// gates, cancel and interrupt. They live outside the daemon.
class People {
  public:
    People(Agenda& agenda, Random random, Oracle& oracle, Violations& violations)
        : agenda_(agenda), random_(random), oracle_(oracle), violations_(violations) {}

    bool answer_gates = true;
    std::int64_t meddling = 0; ///< how often somebody cancels or interrupts, in thousandths

    /// The daemon that answers from now on; nullptr while there is none.
    void reach(control::Service* service, const Life& life);
    /// Enters the sessions' and submissions' first attempts.
    void begin(int sessions, int submissions);
    /// Everybody knows what became of what they asked for.
    bool is_content() const { return wanted_.empty() && sessions_wanted_.empty(); }
    /// What somebody still asks for, and what the last answer was; empty where all are content.
    std::string unmet() const;

  private:
    struct Wish {
        std::string session;
        std::string key;
        std::string last_error = {};
    };

    void want_session(const std::string& session);
    void want_run(const std::string& key);
    void on_submitted(const std::string& key, const Result<control::SubmittedRun>& result);
    void look_at_gates();
    void answer_gate(const ApprovalId& approval);
    void answer_question(const QuestionId& question);
    void meddle();
    /// Again later.
    std::int64_t later() { return random_.between(1'000'000, 60'000'000); }

    Agenda& agenda_;
    Random random_;
    Oracle& oracle_;
    Violations& violations_;
    control::Service* service_ = nullptr;
    Life life_;
    std::map<std::string, std::string> sessions_wanted_; ///< with the last error
    std::vector<std::string> sessions_;
    std::map<std::string, Wish> wanted_;    ///< by idempotency key
    std::map<std::string, RunId> received_; ///< what a key was first answered with
    std::vector<RunId> runs_;
};

} // namespace kheish::sim
