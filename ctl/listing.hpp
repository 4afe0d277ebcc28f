#pragma once

#include "command.hpp"
#include "output.hpp"
#include "session.hpp"

#include <functional>

/// What the list commands share.
namespace kheish::ctl {

/// --page, --limit, --cursor.
std::vector<Option> page_options();
/// Options of a list call from what was given: the page, and `--session-id` as `session_key`.
codec::Json list_options(const Invocation& invocation, std::string_view session_key);

/// Shows a list view, bare or in its envelope: one table row an item, and where more there is.
int show_list(
    const Session& session,
    const codec::Json& view,
    std::vector<std::string> headings,
    const std::function<std::vector<std::string>(const codec::Json& item)>& row);

/// What a method answers in a memory file.
Result<codec::Json> call_json_file(Session& session, const Call& call);

/// Shows the entries of an event list, one line each.
Result<int> show_events(Session& session, const Call& call);

/// The options of a call with `key` set where `option` was given.
void set_given(
    codec::Json& options,
    const Invocation& invocation,
    std::string_view option,
    std::string_view key);

} // namespace kheish::ctl
