#include "loop/loop.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <utility>

namespace kheish::loop {

namespace {
using EventConfigHandle = Handle<event_config, event_config_free>;
} // namespace

Loop::Hook::~Hook() {
    // The entry stays as a null until no hook is being run: run_hooks may be standing on it.
    std::list<Hook*>& hooks = loop_.hooks_.at(static_cast<std::size_t>(stage_));
    std::replace(hooks.begin(), hooks.end(), this, static_cast<Hook*>(nullptr));
}

Result<std::unique_ptr<Loop>> Loop::open() {
    const EventConfigHandle config(event_config_new());
    if (!config)
        return fail(Errc::internal, "no memory for the event loop");
    if (event_config_set_flag(config.get(), EVENT_BASE_FLAG_NOLOCK) != 0)
        return fail(Errc::internal, "libevent refuses a base without locks");
    EventBaseHandle base(event_base_new_with_config(config.get()));
    if (!base)
        return fail(Errc::internal, "libevent has no event base for this system");
    return std::make_unique<Loop>(std::move(base));
}

Loop::~Loop() {
    // Dropped here, while the base that their captures may still use exists.
    posted_.clear();
}

std::unique_ptr<Loop::Hook> Loop::add_hook(Stage stage, HookFunction function) {
    std::unique_ptr<Hook> hook = std::make_unique<Hook>(*this, stage, std::move(function));
    hooks_.at(static_cast<std::size_t>(stage)).push_back(hook.get());
    return hook;
}

void Loop::post(UniqueFunction<void()> function) {
    posted_.push_back(std::move(function));
}

int Loop::run() {
    KHEISH_ASSERT(!in_turn_);
    for (;;) {
        in_turn_ = true;
        const bool more = prepare();
        if (exiting_ && !more) {
            rest();
            in_turn_ = false;
            exiting_ = false;
            return exit_code_;
        }
        rest();
        const int flags = EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY | (more ? EVLOOP_NONBLOCK : 0);
        KHEISH_ASSERT(event_base_loop(base_.get(), flags) >= 0);
        in_turn_ = false;
    }
}

void Loop::turn(bool wait) {
    KHEISH_ASSERT(!in_turn_);
    in_turn_ = true;
    const bool more = prepare();
    rest();
    const int flags = EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY | (more || !wait ? EVLOOP_NONBLOCK : 0);
    KHEISH_ASSERT(event_base_loop(base_.get(), flags) >= 0);
    in_turn_ = false;
}

void Loop::exit(int code) {
    exiting_ = true;
    exit_code_ = code;
}

void Loop::woke() {
    if (busy_)
        return;
    busy_ = true;
    busy_since_ = std::chrono::steady_clock::now();
}

bool Loop::prepare() {
    if (!posted_.empty()) {
        woke();
        for (UniqueFunction<void()>& function : std::exchange(posted_, {}))
            function();
    }
    bool more = run_hooks(Stage::work);
    more = run_hooks(Stage::commit) || more;
    more = run_hooks(Stage::arm) || more;
    return more || !posted_.empty();
}

bool Loop::run_hooks(Stage stage) {
    std::list<Hook*>& hooks = hooks_.at(static_cast<std::size_t>(stage));
    bool more = false;
    for (auto entry = hooks.begin(); entry != hooks.end(); ++entry) {
        Hook* hook = *entry;
        if (hook == nullptr)
            continue;
        // Held here while it runs: the hook may remove itself.
        HookFunction function = std::move(hook->function_);
        more = function() || more;
        if (*entry != nullptr)
            hook->function_ = std::move(function);
    }
    hooks.remove(nullptr);
    return more;
}

void Loop::rest() {
    ++statistics_.turns;
    if (!busy_)
        return;
    busy_ = false;
    statistics_.last_busy = std::chrono::steady_clock::now() - busy_since_;
    statistics_.longest_busy = std::max(statistics_.longest_busy, statistics_.last_busy);
    statistics_.total_busy += statistics_.last_busy;
}

} // namespace kheish::loop
