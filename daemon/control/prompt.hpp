#pragma once

#include "control/tool_surface.hpp"
#include "engine/state.hpp"
#include "journal/journal.hpp"
#include "models/model.hpp"

#include <string>

namespace kheish::control {

/// A model request and the digest of what it says, for the record.
struct Prompt {
    models::Request request;
    codec::Digest digest;
};

/// The request of `state`'s next turn: system prompt, the conversation from the journal's blobs and
/// the tools that can be seen. Errc::journal_corrupt where a blob is not what its event says.
Result<Prompt> build_prompt(
    const engine::RunState& state, const journal::Journal& journal, const ToolSurface& tools);

/// The text parts of an assistant message, joined; what a run answers.
std::string text_of(const models::Message& message);

inline constexpr std::size_t kPreviewBytes = 200;
/// The beginning of `text`, whole characters, for lists and frames.
std::string preview_of(std::string_view text);

} // namespace kheish::control
