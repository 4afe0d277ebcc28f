#pragma once

#include "codec/sse_parser.hpp"
#include "models/model.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace kheish::models {

/// Puts the events of one Messages API stream together to a Response. Text and tool calls become
/// neutral parts; every other block (thinking, redacted_thinking, kinds of later API versions) is
/// kept as the bytes that came, to be replayed unchanged. Unknown events are skipped, as the API
/// asks of its clients. Pure.
class AnthropicStream {
  public:
    static constexpr std::size_t kBlockLimit = 1024;
    static constexpr std::size_t kMessageLimitBytes = std::size_t{32} << 20U;

    /// What one event meant: text to show, or nothing.
    using Step = tl::expected<std::string, CallError>;

    /// Not to be called after complete() or an error.
    Step take(const codec::SseEvent& event);
    /// message_stop has come: response() is whole.
    bool complete() const { return complete_; }
    /// The tool calls, stop reason and usage are checked here: a protocol error where they do not
    /// fit together.
    tl::expected<Response, CallError> response() &&;

  private:
    /// A content block under construction.
    struct Block {
        std::string type;
        std::string id;
        std::string name;
        std::string text;      ///< of a text block
        std::string input;     ///< a tool call's partial_json pieces, joined
        std::string raw;       ///< the block as it started
        std::string thinking;  ///< JSON string contents, still escaped, joined
        std::string signature; ///< likewise
        bool stopped = false;
    };

    Step start_message(const codec::Json& data);
    Step start_block(const codec::Json& data, std::string_view text);
    Step grow_block(const codec::Json& data, std::string_view text);
    Step stop_block(const codec::Json& data);
    Step end_message(const codec::Json& data);
    Block* find_block(const codec::Json& data);
    tl::expected<void, CallError> add_part(const Block& block, Response& response) const;

    std::map<std::int64_t, Block> blocks_;
    std::string id_;
    std::string model_;
    std::string stop_reason_;
    Usage usage_;
    std::size_t bytes_ = 0;
    bool started_ = false;
    bool complete_ = false;
};

} // namespace kheish::models
