#pragma once

#include "base/ids.hpp"

#include <optional>
#include <string>

/// Object paths: one spelling per object (sd_bus_path_encode(3)).
namespace kheish::bus {

inline constexpr const char* kBusName = "ai.kheish.Daemon1";
inline constexpr const char* kRootPath = "/ai/kheish/Daemon1";
inline constexpr const char* kSessionPrefix = "/ai/kheish/Daemon1/session";
inline constexpr const char* kRunPrefix = "/ai/kheish/Daemon1/run";
inline constexpr const char* kApprovalPrefix = "/ai/kheish/Daemon1/approval";
inline constexpr const char* kQuestionPrefix = "/ai/kheish/Daemon1/question";

inline constexpr const char* kManagerInterface = "ai.kheish.Daemon1.Manager";
inline constexpr const char* kSessionInterface = "ai.kheish.Daemon1.Session";
inline constexpr const char* kRunInterface = "ai.kheish.Daemon1.Run";
inline constexpr const char* kApprovalInterface = "ai.kheish.Daemon1.Approval";
inline constexpr const char* kQuestionInterface = "ai.kheish.Daemon1.Question";

std::string object_path(const SessionId& session);
std::string object_path(RunId run); ///< ".../run/17"
std::string object_path(const ApprovalId& approval);
std::string object_path(const QuestionId& question);

/// The object that a path names, whether it exists or not; nothing for other paths and for a second
/// spelling of one.
std::optional<SessionId> session_at(const std::string& path);
std::optional<RunId> run_at(const std::string& path);
std::optional<ApprovalId> approval_at(const std::string& path);
std::optional<QuestionId> question_at(const std::string& path);

} // namespace kheish::bus
