#include "bus/desktop_prompt.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <utility>

namespace kheish::bus {

namespace {

void say(Level level, std::string_view text, uid_t uid, RunId run, std::string_view why = {}) {
    log(level,
        text,
        {{log_field::kCaller, Principal::user(uid).to_string()},
         {log_field::kRunId, run.to_string()},
         {log_field::kError, std::string(why)}});
}

} // namespace

DesktopPrompt::DesktopPrompt(
    control::Service& service,
    govern::Authorizer& authorizer,
    UserSessions& sessions,
    Timers& timers)
    : service_(service), authorizer_(authorizer), sessions_(sessions), timers_(timers),
      self_(std::make_shared<DesktopPrompt*>(this)) {
    sessions_.set_listener([this] {
        std::vector<uid_t> waiting; // looking may take a user out
        for (const auto& [uid, user] : users_)
            waiting.push_back(uid);
        for (const uid_t uid : waiting)
            if (users_.contains(uid))
                look(uid);
    });
    for (const ApprovalId& approval : service_.pending_approvals(kGatesLimit))
        add(approval);
}

DesktopPrompt::~DesktopPrompt() {
    sessions_.set_listener({});
}

void DesktopPrompt::on_approval_changed(const ApprovalId& approval, bool appeared, bool settled) {
    if (appeared)
        return add(approval);
    if (!settled)
        return;
    std::vector<uid_t> asked; // removing may take a user out
    for (const auto& [uid, user] : users_)
        asked.push_back(uid);
    for (const uid_t uid : asked)
        remove(uid, approval);
}

void DesktopPrompt::add(const ApprovalId& approval) {
    const Result<control::ApprovalSummary> gate = service_.approval_summary(approval);
    if (!gate || gate->state != "pending" || !gate->asks_permission)
        return;
    add_for(gate->owner.uid(), approval);
    for (const Principal& principal : gate->escalated_to)
        add_for(principal.uid(), approval);
}

void DesktopPrompt::add_for(uid_t uid, const ApprovalId& approval) {
    if (uid == static_cast<uid_t>(-1))
        return; // nobody who sits at this host
    std::vector<ApprovalId>& waiting = users_[uid].waiting;
    if (std::find(waiting.begin(), waiting.end(), approval) != waiting.end())
        return;
    waiting.push_back(approval);
    look(uid);
}

void DesktopPrompt::remove(uid_t uid, const ApprovalId& approval) {
    const auto found = users_.find(uid);
    if (found == users_.end())
        return;
    User& user = found->second;
    std::erase(user.waiting, approval);
    const bool is_shown = user.prompt && std::any_of(
                                             user.prompt->resolutions.begin(),
                                             user.prompt->resolutions.end(),
                                             [&approval](const control::Resolution& resolution) {
                                                 return resolution.approval == approval;
                                             });
    if (is_shown)
        withdraw(user);
    if (user.waiting.empty())
        users_.erase(found);
    else if (is_shown)
        look(uid);
}

/// Finds out where the user may be asked. What is found begins a prompt, or ends one.
void DesktopPrompt::look(uid_t uid) {
    User& user = users_.at(uid);
    if (std::exchange(user.searching, true)) {
        user.search_again = true;
        return;
    }
    sessions_.find(
        uid,
        Responder<UserSessions::Found>(
            [weak = std::weak_ptr<DesktopPrompt*>(self_), uid](Result<UserSessions::Found> found) {
                if (const std::shared_ptr<DesktopPrompt*> self = weak.lock())
                    (*self)->on_session(uid, found ? *std::move(found) : UserSessions::Found());
            }));
}

void DesktopPrompt::on_session(uid_t uid, UserSessions::Found session) {
    const auto found = users_.find(uid);
    if (found == users_.end())
        return;
    User& user = found->second;
    user.searching = false;
    if (std::exchange(user.search_again, false))
        return look(uid);
    if (user.prompt && session == user.prompt->session)
        return;
    withdraw(user); // of a session that is locked, or where nobody sits any more
    if (session)
        begin(uid, user, *std::move(session));
}

void DesktopPrompt::begin(uid_t uid, User& user, UserSession session) {
    std::unique_ptr<Prompt> prompt = next_prompt(user);
    if (user.waiting.empty()) {
        users_.erase(uid);
        return;
    }
    prompt->session = std::move(session);
    Result<Details> details = details_of_gates(*prompt);
    user.prompt = std::move(prompt);
    if (!details)
        return leave(uid, details.error().message);
    user.prompt->details = *std::move(details);
    ask(uid, Step::may_decide);
}

/// All gates of the run whose gate waits longest. What is not pending any more is dropped.
std::unique_ptr<DesktopPrompt::Prompt> DesktopPrompt::next_prompt(User& user) const {
    auto prompt = std::make_unique<Prompt>();
    std::vector<ApprovalId> waiting;
    for (ApprovalId& approval : user.waiting) {
        const Result<control::ApprovalSummary> gate = service_.approval_summary(approval);
        if (!gate || gate->state != "pending")
            continue;
        if (!prompt->run)
            prompt->run = gate->run;
        if (gate->run == prompt->run) {
            control::Resolution& resolution = prompt->resolutions.emplace_back();
            resolution.approval = approval;
            resolution.behavior = control::Resolution::Behavior::allow;
            resolution.reason = "authenticated at a prompt";
            resolution.digest = codec::Digest::parse(gate->digest);
        }
        waiting.push_back(std::move(approval));
    }
    user.waiting = std::move(waiting);
    return prompt;
}

Result<Details> DesktopPrompt::details_of_gates(const Prompt& prompt) const {
    if (prompt.resolutions.size() > 1)
        return details_of(service_, prompt.run, prompt.resolutions);
    KHEISH_TRY(
        control::ApprovalSummary gate,
        service_.approval_summary(prompt.resolutions.front().approval));
    return details_of(std::move(gate));
}

void DesktopPrompt::ask(uid_t uid, Step step) {
    User& user = users_.at(uid);
    const Prompt& prompt = *user.prompt;
    const std::uint64_t number = ++last_question_;
    user.asked = number;
    std::unique_ptr<govern::Authorization> question = authorizer_.check(
        {.bus_name = {},
         .process = govern::SubjectProcess{.pid = prompt.session.process, .uid = uid},
         .action = std::string(step == Step::may_decide ? control::kActionApprove : kAction),
         .details = prompt.details,
         .interactive = step == Step::prompt},
        Responder<void>(
            [weak = std::weak_ptr<DesktopPrompt*>(self_), uid, step](const Result<void>& answer) {
                if (const std::shared_ptr<DesktopPrompt*> self = weak.lock())
                    (*self)->on_answer(uid, step, answer);
            }));
    // It may have been answered already, and that may have led anywhere.
    if (const auto found = users_.find(uid); found != users_.end() && found->second.asked == number)
        found->second.question = std::move(question);
}

void DesktopPrompt::on_answer(uid_t uid, Step step, const Result<void>& answer) {
    const auto found = users_.find(uid);
    if (found == users_.end() || !found->second.prompt)
        return;
    const bool needs_password = !answer && answer.error().code == Errc::unauthorized;
    switch (step) {
    case Step::may_decide:
        if (!answer && !needs_password)
            return leave(uid, "the user may not decide about it: " + answer.error().message);
        return ask(uid, Step::takes_a_person);
    case Step::takes_a_person:
        // A rule of the host that says yes to everything releases nothing here.
        if (!needs_password)
            return leave(
                uid,
                answer ? "polkit would allow it without asking anybody" : answer.error().message);
        return show(uid, found->second);
    case Step::prompt:
        return on_prompt_answered(uid, found->second, answer);
    }
}

void DesktopPrompt::show(uid_t uid, User& user) {
    user.timer = timers_.start(kPatience, [this, uid] {
        User& late = users_.at(uid);
        say(Level::info, "a prompt was not answered", uid, late.prompt->run);
        withdraw(late);
        try_again(uid, kPause);
    });
    say(Level::info, "a user is asked for an approval", uid, user.prompt->run);
    ask(uid, Step::prompt);
}

void DesktopPrompt::on_prompt_answered(uid_t uid, User& user, const Result<void>& answer) {
    if (answer) {
        Prompt prompt = *user.prompt;
        drop(uid, user);
        return release(uid, std::move(prompt));
    }
    if (answer.error().code != Errc::unauthorized)
        return leave(uid, answer.error().message);
    withdraw(user); // there is no agent, or not yet
    try_again(uid, user.retry);
    user.retry = std::min(user.retry * 2, kLastRetry);
}

void DesktopPrompt::release(uid_t uid, Prompt prompt) {
    control::ResolveApprovals request;
    request.resolutions = prompt.resolutions;
    const RunId run = prompt.run;
    service_.resolve_approvals(
        control::Caller::user(uid),
        run,
        std::move(request),
        Responder<codec::Json>([weak = std::weak_ptr<DesktopPrompt*>(self_),
                                uid,
                                prompt = std::move(prompt)](const Result<codec::Json>& released) {
            if (const std::shared_ptr<DesktopPrompt*> self = weak.lock(); self && !released)
                (*self)->on_refused(uid, prompt, released.error());
        }));
}

/// Nothing was released: what still waits is asked about again.
void DesktopPrompt::on_refused(uid_t uid, const Prompt& prompt, const Error& why) {
    say(Level::warning,
        "what a user allowed at a prompt was not to be had any more",
        uid,
        prompt.run,
        why.to_string());
    for (const control::Resolution& resolution : prompt.resolutions)
        add(resolution.approval);
}

void DesktopPrompt::drop(uid_t uid, User& user) {
    for (const control::Resolution& resolution : user.prompt->resolutions)
        std::erase(user.waiting, resolution.approval);
    withdraw(user);
    if (user.waiting.empty())
        users_.erase(uid);
    else
        look(uid);
}

/// Takes the prompt away.
void DesktopPrompt::withdraw(User& user) {
    user.asked = 0;
    user.question.reset();
    user.timer.reset();
    user.prompt.reset();
}

/// Nothing more is asked about the gates of this prompt.
void DesktopPrompt::leave(uid_t uid, std::string_view why) {
    User& user = users_.at(uid);
    say(Level::info, "an approval is left to be decided elsewhere", uid, user.prompt->run, why);
    drop(uid, user);
}

void DesktopPrompt::try_again(uid_t uid, std::chrono::seconds delay) {
    users_.at(uid).timer = timers_.start(delay, [this, uid] { look(uid); });
}

} // namespace kheish::bus
