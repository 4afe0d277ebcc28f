#include "loop/curl_pump.hpp"

#include "base/assert.hpp"

#include <utility>

namespace kheish::loop {

CurlPump::CurlPump(Loop& loop)
    : loop_(loop), timeout_(event_new(loop.base(), -1, 0, on_timeout, this)) {
    KHEISH_ASSERT(timeout_ != nullptr);
}

CurlPump::~CurlPump() {
    KHEISH_ASSERT(!inside_curl_ && entries_.empty());
}

Status CurlPump::open() {
    if (multi_)
        return {};
    // Counted by libcurl; the process keeps its first one to the end.
    static const CURLcode initialized = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (initialized != CURLE_OK)
        return fail(Errc::internal, "libcurl cannot be initialized");
    multi_.reset(curl_multi_init());
    if (!multi_)
        return fail(Errc::internal, "no memory for libcurl");
    (void)curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETFUNCTION, on_socket);
    (void)curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETDATA, this);
    (void)curl_multi_setopt(multi_.get(), CURLMOPT_TIMERFUNCTION, on_timer_change);
    (void)curl_multi_setopt(multi_.get(), CURLMOPT_TIMERDATA, this);
    return {};
}

Result<std::unique_ptr<CurlPump::Transfer>>
CurlPump::start(CurlEasy easy, std::shared_ptr<void> context, OnDone on_done) {
    KHEISH_CHECK(open());
    const std::uint64_t number = ++last_number_;
    CURL* const handle = easy.get();
    // The number stands in the pointer itself: an entry's address may be taken over by another.
    // NOLINTNEXTLINE(performance-no-int-to-ptr): never dereferenced
    (void)curl_easy_setopt(handle, CURLOPT_PRIVATE, reinterpret_cast<char*>(number));
    const CURLMcode added = curl_multi_add_handle(multi_.get(), handle);
    if (added != CURLM_OK)
        return fail(
            Errc::internal, std::string("starting a transfer: ") + curl_multi_strerror(added));
    entries_.emplace(number, Entry{std::move(easy), std::move(context), std::move(on_done)});
    return std::make_unique<Transfer>(*this, number);
}

void CurlPump::release_idle() {
    if (!entries_.empty() || inside_curl_)
        return;
    multi_.reset();
    sockets_.clear();
    (void)event_del(timeout_.get());
}

int CurlPump::on_socket(CURL*, curl_socket_t fd, int what, void* self, void*) noexcept {
    static_cast<CurlPump*>(self)->watch_socket(fd, what);
    return 0;
}

void CurlPump::watch_socket(curl_socket_t fd, int what) {
    if (what == CURL_POLL_REMOVE) {
        sockets_.erase(fd);
        return;
    }
    const Interest interest{
        .read = (what & CURL_POLL_IN) != 0, .write = (what & CURL_POLL_OUT) != 0};
    std::unique_ptr<FdWatch>& watch = sockets_[fd];
    if (watch) {
        watch->set_interest(interest);
        return;
    }
    watch = std::make_unique<FdWatch>(loop_, fd, interest, [this, fd](Interest ready) {
        drive(fd, (ready.read ? CURL_CSELECT_IN : 0) | (ready.write ? CURL_CSELECT_OUT : 0));
    });
}

int CurlPump::on_timer_change(CURLM*, long timeout_ms, void* self) noexcept {
    event* const timeout = static_cast<CurlPump*>(self)->timeout_.get();
    (void)event_del(timeout); // not pending is fine
    if (timeout_ms < 0)
        return 0;
    timeval wait{};
    wait.tv_sec = timeout_ms / 1000;
    wait.tv_usec = (timeout_ms % 1000) * 1000;
    return event_add(timeout, &wait);
}

void CurlPump::on_timeout(evutil_socket_t, short, void* self) noexcept {
    static_cast<CurlPump*>(self)->drive(CURL_SOCKET_TIMEOUT, 0);
}

void CurlPump::drive(curl_socket_t fd, int what) {
    loop_.woke();
    int running = 0;
    inside_curl_ = true;
    // A failure here belongs to the transfer, whose message collect_finished reads.
    (void)curl_multi_socket_action(multi_.get(), fd, what, &running);
    inside_curl_ = false;
    for (Entry& entry : std::exchange(aborted_, {}))
        drop(std::move(entry));
    collect_finished();
}

void CurlPump::collect_finished() {
    // Noted first: a callback may start, abort or release transfers.
    std::vector<std::pair<std::uint64_t, CURLcode>> finished;
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
        if (message->msg != CURLMSG_DONE)
            continue;
        char* number = nullptr;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &number);
        finished.emplace_back(reinterpret_cast<std::uint64_t>(number), message->data.result);
    }
    for (const auto& [number, code] : finished)
        finish(number, code);
}

void CurlPump::finish(std::uint64_t number, CURLcode code) {
    const auto found = entries_.find(number);
    if (found == entries_.end())
        return;
    Entry entry = std::move(found->second);
    entries_.erase(found);
    (void)curl_multi_remove_handle(multi_.get(), entry.easy.get());
    entry.on_done(entry.easy.get(), code);
}

void CurlPump::abort(std::uint64_t number) {
    const auto found = entries_.find(number);
    if (found == entries_.end())
        return;
    Entry entry = std::move(found->second);
    entries_.erase(found);
    if (inside_curl_)
        aborted_.push_back(std::move(entry));
    else
        drop(std::move(entry));
}

void CurlPump::drop(Entry entry) {
    (void)curl_multi_remove_handle(multi_.get(), entry.easy.get());
}

} // namespace kheish::loop
