#pragma once

#include "loop/fd_watch.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace kheish::loop {

/// Drives libcurl transfers on the loop (curl_multi_socket_action(3)). libcurl is initialized by
/// the first transfer. Outlives its transfers and is not destroyed from their callbacks.
class CurlPump {
  public:
    /// How a transfer ended. `easy` is valid for curl_easy_getinfo(3) during the call.
    using OnDone = UniqueFunction<void(CURL* easy, CURLcode code)>;

    /// A transfer under way. Destroying it, also from its own callbacks, aborts it: OnDone does not
    /// come then.
    class Transfer {
      public:
        /// Through start().
        Transfer(CurlPump& pump, std::uint64_t number) : pump_(pump), number_(number) {}
        ~Transfer() { pump_.abort(number_); }
        Transfer(const Transfer&) = delete;
        Transfer& operator=(const Transfer&) = delete;

      private:
        CurlPump& pump_;
        std::uint64_t number_;
    };

    explicit CurlPump(Loop& loop);
    ~CurlPump();
    CurlPump(const CurlPump&) = delete;
    CurlPump& operator=(const CurlPump&) = delete;

    /// Starts what `easy` has been set up for. CURLOPT_PRIVATE is the pump's. `context` is what the
    /// options of `easy` point to; it is kept until libcurl has let go of them, which may be a
    /// little later than the Transfer's destruction. on_done never comes from within start().
    Result<std::unique_ptr<Transfer>>
    start(CurlEasy easy, std::shared_ptr<void> context, OnDone on_done);
    std::size_t running() const { return entries_.size(); }
    /// Closes cached connections and frees what libcurl holds for them, where no transfer runs.
    void release_idle();

  private:
    struct Entry {
        CurlEasy easy;
        std::shared_ptr<void> context;
        OnDone on_done;
    };

    static int
    on_socket(CURL* easy, curl_socket_t fd, int what, void* self, void* socket_pointer) noexcept;
    static int on_timer_change(CURLM* multi, long timeout_ms, void* self) noexcept;
    static void on_timeout(evutil_socket_t fd, short what, void* self) noexcept;
    Status open();
    void drive(curl_socket_t fd, int what);
    void collect_finished();
    void finish(std::uint64_t number, CURLcode code);
    void abort(std::uint64_t number);
    void drop(Entry entry);
    void watch_socket(curl_socket_t fd, int what);

    Loop& loop_;
    std::map<std::uint64_t, Entry> entries_;
    std::vector<Entry> aborted_; ///< from within libcurl, which is still using them
    std::map<curl_socket_t, std::unique_ptr<FdWatch>> sockets_;
    EventHandle timeout_;
    CurlMulti multi_;
    std::uint64_t last_number_ = 0;
    bool inside_curl_ = false;
};

} // namespace kheish::loop
