#include "base/log.hpp"

#include "base/assert.hpp"

#include <atomic>
#include <cstdlib>
#include <string>
#include <vector>

#include <sys/uio.h>
#include <unistd.h>

#include <systemd/sd-journal.h>

namespace kheish {

namespace {

// The log is the one thing every layer reaches; its level is process-wide by nature.
std::atomic<Level>& level_slot() {
    static std::atomic<Level> level{Level::info};
    return level;
}

bool journald_listens() {
    static const bool listens = ::getenv("JOURNAL_STREAM") != nullptr;
    return listens;
}

void send_to_journald(Level level, std::string_view text, std::initializer_list<LogField> fields) {
    std::vector<std::string> entries;
    entries.reserve(fields.size() + 2);
    entries.push_back("MESSAGE=" + std::string(text));
    entries.push_back("PRIORITY=" + std::to_string(static_cast<int>(level)));
    for (const LogField& field : fields) {
        entries.emplace_back(field.name);
        entries.back().append("=").append(field.value);
    }
    std::vector<iovec> vectors;
    vectors.reserve(entries.size());
    for (std::string& entry : entries)
        vectors.push_back({entry.data(), entry.size()});
    // A lost log line must not take the daemon down, and there is nowhere to report it.
    (void)sd_journal_sendv(vectors.data(), static_cast<int>(vectors.size()));
}

void send_to_stderr(Level level, std::string_view text, std::initializer_list<LogField> fields) {
    std::string line = "<" + std::to_string(static_cast<int>(level)) + ">";
    line += text;
    for (const LogField& field : fields) {
        if (field.name == log_field::kMessageId)
            continue;
        line.append(" ").append(field.name).append("=");
        // One entry is one line, whatever a field holds.
        for (const char c : field.value)
            line.push_back(c == '\n' ? ' ' : c);
    }
    line.push_back('\n');
    const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
    (void)written; // as above
}

} // namespace

void set_log_level(Level level) {
    level_slot().store(level, std::memory_order_relaxed);
}

Level log_level() {
    return level_slot().load(std::memory_order_relaxed);
}

void log(Level level, std::string_view text, std::initializer_list<LogField> fields) {
    if (level > log_level())
        return;
    if (journald_listens())
        send_to_journald(level, text, fields);
    else
        send_to_stderr(level, text, fields);
}

void assertion_failed(const char* expression, const char* file, int line) noexcept {
    log(Level::critical,
        "assertion failed",
        {{"KHEISH_EXPRESSION", expression},
         {"CODE_FILE", file},
         {"CODE_LINE", std::to_string(line)}});
    std::abort();
}

} // namespace kheish
