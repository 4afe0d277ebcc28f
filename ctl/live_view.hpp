#pragma once

#include "event_stream.hpp"

#include <map>
#include <string>

namespace kheish::ctl {

/// Turns the frames of a stream into lines for people: model turns, tool calls with their scope,
/// approvals, output, ends. Text that a model streams is shown as it comes.
class LiveView {
  public:
    /// `with_session`: frames of several runs are told apart.
    explicit LiveView(bool with_session) : with_session_(with_session) {}

    /// What to print for a frame; may be empty.
    std::string text_of(const StreamFrame& frame);
    /// Ends a line that streamed text has left open.
    std::string finish();

  private:
    std::string run_line(const codec::Json& data);
    std::string trace_line(const codec::Json& trace);
    std::string tool_line(const std::string& type, const codec::Json& kind, const std::string& run);
    void learn_calls(const codec::Json& kind, const std::string& run);
    std::string line(const std::string& run, const std::string& text) const;

    bool with_session_;
    bool line_open_ = false;
    std::map<std::string, std::string> states_; ///< run -> what was last shown of it
    std::map<std::string, std::string> tools_;  ///< run and call -> tool
};

} // namespace kheish::ctl
