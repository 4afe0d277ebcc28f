#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace kheish {

/// syslog(3) priorities that kheish uses. error: we broke; warning: they or the environment
/// misbehaved; notice and info: milestones; debug: anything else.
enum class Level { critical = 2, error = 3, warning = 4, notice = 5, info = 6, debug = 7 };

/// One journald field: name in [A-Z0-9_], value in any bytes without secrets, prompts or tool
/// output.
struct LogField {
    std::string_view name;
    std::string value;
};

/// Field names and message ids in one place; each message id has an entry in units/kheish.catalog.
namespace log_field {
inline constexpr std::string_view kRunId = "KHEISH_RUN_ID";
inline constexpr std::string_view kSessionId = "KHEISH_SESSION_ID";
inline constexpr std::string_view kCallId = "KHEISH_CALL_ID";
inline constexpr std::string_view kOperation = "KHEISH_OPERATION";
inline constexpr std::string_view kCaller = "KHEISH_CALLER";
inline constexpr std::string_view kUnit = "KHEISH_UNIT";
inline constexpr std::string_view kError = "KHEISH_ERROR";
inline constexpr std::string_view kMessageId = "MESSAGE_ID";
} // namespace log_field

namespace log_message {
inline constexpr std::string_view kRunStarted = "3f1c0a52a5c94c3c9a7b6a0e8f0c8a11";
inline constexpr std::string_view kRunEnded = "b6f1f8d16c6c4d0d8a5a4c2f9b3f7e12";
inline constexpr std::string_view kApprovalAsked = "5c2f6e0d1a7b4b7f9d3f0c5e7a9b1d13";
inline constexpr std::string_view kApprovalOverdue = "3f9b1c7e5d2a4e8c9a6b0f4d8e2c7a25";
inline constexpr std::string_view kApprovalDecided = "e4a9d7c3b2f14f6a8c1d0b9e5f7a3c14";
inline constexpr std::string_view kRunnerLost = "9d0b7c4e3a1f4e2d8b6c5a9f7e1d3b15";
inline constexpr std::string_view kOutcomeUnknown = "7a3e5d1c9b8f4c6e9f2a0d4b6c8e1f16";
inline constexpr std::string_view kJournalMigrated = "1d8c6b4a2f0e4a9c8d7b5f3e1c9a7b17";
inline constexpr std::string_view kJournalFailed = "c5e3a1f9d7b84d2e8a6c4f0b9d7e5a18";
inline constexpr std::string_view kOrphanScopeKilled = "8b6d4f2e0c9a4b7d9e5c3a1f7b0d8e19";
inline constexpr std::string_view kRunStuck = "6d4b2f0e9c7a4e5d8b3c1a9f7e5d3b21";
inline constexpr std::string_view kQuestionAsked = "2f9c7d5b3e1a4c8f8d6b4e2a0c9f7d20";
} // namespace log_message

/// Messages below this level are dropped. Default info; LogControl1 and $KHEISH_LOG change it.
void set_log_level(Level level);
Level log_level();

/// Sends one entry to journald when it is there for us (JOURNAL_STREAM), else a line with a <N>
/// prefix to stderr (sd-daemon(3)). The text is constant; what varies goes into fields.
/// Never fails and never blocks on anything but the socket of journald.
void log(Level level, std::string_view text, std::initializer_list<LogField> fields = {});

} // namespace kheish
