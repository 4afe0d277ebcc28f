#include "models/anthropic_stream.hpp"

#include "codec/json_slice.hpp"
#include "models/anthropic_errors.hpp"
#include "models/anthropic_request.hpp"

#include <algorithm>
#include <utility>

namespace kheish::models {

namespace {

using codec::Json;
using codec::member_slice;

tl::unexpected<CallError> protocol_error(std::string message) {
    CallError error;
    error.kind = CallError::Kind::protocol;
    error.message = std::move(message);
    return tl::unexpected(std::move(error));
}

std::string text_member(const Json& object, std::string_view key) {
    return object.find(key).value_or(Json("")).string();
}

void read_tokens(const Json& usage, std::string_view key, std::int64_t& tokens) {
    const std::optional<Json> value = usage.find(key);
    if (value && value->is_integer())
        tokens = std::max<std::int64_t>(0, value->integer());
}

/// Later counts replace earlier ones: those of message_delta are cumulative.
void read_usage(const std::optional<Json>& usage, Usage& into) {
    if (!usage)
        return;
    read_tokens(*usage, "input_tokens", into.input_tokens);
    read_tokens(*usage, "output_tokens", into.output_tokens);
    read_tokens(*usage, "cache_read_input_tokens", into.cache_read_tokens);
    read_tokens(*usage, "cache_creation_input_tokens", into.cache_write_tokens);
}

/// The contents of the JSON string that is member `key` of the event's delta, escapes and all.
std::string raw_delta(std::string_view event, std::string_view key) {
    const std::optional<std::string_view> delta = member_slice(event, "delta");
    const std::optional<std::string_view> text = delta ? member_slice(*delta, key) : std::nullopt;
    if (!text || text->size() < 2 || text->front() != '"')
        return {};
    return std::string(text->substr(1, text->size() - 2));
}

std::optional<Response::StopReason> read_stop_reason(const std::string& reason) {
    if (reason == "stop_sequence")
        return Response::StopReason::end_turn;
    if (reason == "model_context_window_exceeded")
        return Response::StopReason::max_tokens;
    return parse_stop_reason(reason);
}

} // namespace

AnthropicStream::Step AnthropicStream::take(const codec::SseEvent& event) {
    const Result<Json> parsed = codec::parse_json(event.data);
    if (!parsed || !parsed->is_object())
        return protocol_error("the stream has an event that is no JSON object");
    const std::string type = text_member(*parsed, "type");
    if (type == "error")
        return tl::unexpected(anthropic_stream_error(event.data));
    if (type == "message_start")
        return start_message(*parsed);
    const bool known = type.starts_with("content_block_") || type.starts_with("message_");
    if (!started_ && known)
        return protocol_error("the stream does not begin with message_start");
    bytes_ += event.data.size();
    if (bytes_ > kMessageLimitBytes)
        return protocol_error(
            "the message is longer than " + std::to_string(kMessageLimitBytes) + " bytes");
    if (type == "content_block_start")
        return start_block(*parsed, event.data);
    if (type == "content_block_delta")
        return grow_block(*parsed, event.data);
    if (type == "content_block_stop")
        return stop_block(*parsed);
    if (type == "message_delta")
        return end_message(*parsed);
    complete_ = type == "message_stop";
    return std::string(); // ping, and whatever later versions add
}

AnthropicStream::Step AnthropicStream::start_message(const Json& data) {
    const std::optional<Json> message = data.find("message");
    if (started_ || !message || !message->is_object())
        return protocol_error("message_start is malformed or comes twice");
    started_ = true;
    id_ = text_member(*message, "id");
    model_ = text_member(*message, "model");
    read_usage(message->find("usage"), usage_);
    return std::string();
}

AnthropicStream::Step AnthropicStream::start_block(const Json& data, std::string_view text) {
    const std::optional<Json> index = data.find("index");
    const std::optional<Json> content = data.find("content_block");
    if (!index || !index->is_integer() || !content || !content->is_object() ||
        blocks_.contains(index->integer()) || blocks_.size() >= kBlockLimit)
        return protocol_error("content_block_start is malformed, repeated or one too many");
    Block block;
    block.type = text_member(*content, "type");
    block.id = text_member(*content, "id");
    block.name = text_member(*content, "name");
    block.text = text_member(*content, "text");
    block.raw = member_slice(text, "content_block").value_or("");
    std::string shown = block.type == "text" ? block.text : std::string();
    blocks_.emplace(index->integer(), std::move(block));
    return shown;
}

AnthropicStream::Block* AnthropicStream::find_block(const Json& data) {
    const std::optional<Json> index = data.find("index");
    if (!index || !index->is_integer())
        return nullptr;
    const auto found = blocks_.find(index->integer());
    return found == blocks_.end() || found->second.stopped ? nullptr : &found->second;
}

AnthropicStream::Step AnthropicStream::grow_block(const Json& data, std::string_view text) {
    Block* const block = find_block(data);
    const std::optional<Json> delta = data.find("delta");
    if (block == nullptr || !delta || !delta->is_object())
        return protocol_error("content_block_delta belongs to no open block");
    const std::string type = text_member(*delta, "type");
    if (type == "text_delta" && block->type == "text") {
        std::string piece = text_member(*delta, "text");
        block->text += piece;
        return piece;
    }
    if (type == "input_json_delta" && block->type == "tool_use")
        block->input += text_member(*delta, "partial_json");
    else if (type == "thinking_delta" && block->type == "thinking")
        block->thinking += raw_delta(text, "thinking");
    else if (type == "signature_delta" && block->type == "thinking")
        block->signature += raw_delta(text, "signature");
    else if (type != "citations_delta")
        return protocol_error("a " + block->type + " block cannot grow by " + type);
    return std::string();
}

AnthropicStream::Step AnthropicStream::stop_block(const Json& data) {
    Block* const block = find_block(data);
    if (block == nullptr)
        return protocol_error("content_block_stop belongs to no open block");
    block->stopped = true;
    return std::string();
}

AnthropicStream::Step AnthropicStream::end_message(const Json& data) {
    const std::optional<Json> delta = data.find("delta");
    if (delta && delta->find("stop_reason").value_or(Json()).is_string())
        stop_reason_ = text_member(*delta, "stop_reason");
    read_usage(data.find("usage"), usage_);
    return std::string();
}

tl::expected<void, CallError>
AnthropicStream::add_part(const Block& block, Response& response) const {
    if (block.type == "text") {
        if (!block.text.empty())
            response.message.parts.emplace_back(Text{block.text});
        return {};
    }
    if (block.type == "thinking" && !(block.thinking.empty() && block.signature.empty())) {
        response.message.parts.emplace_back(Opaque{
            std::string(kAnthropicDriver),
            R"({"type":"thinking","thinking":")" + block.thinking + R"(","signature":")" +
                block.signature + "\"}"});
        return {};
    }
    if (block.type != "tool_use") {
        response.message.parts.emplace_back(Opaque{std::string(kAnthropicDriver), block.raw});
        return {};
    }
    const Result<Json> input = codec::parse_json(
        block.input.empty() ? member_slice(block.raw, "input").value_or("{}") : block.input,
        {.bytes = kMessageLimitBytes});
    if (input && input->is_object() && !block.id.empty() && !block.name.empty()) {
        response.message.parts.emplace_back(
            ToolCall{block.id, block.name, codec::canonical_json(*input)});
        return {};
    }
    // A call that the token limit has cut cannot be made; the text before it still counts.
    if (response.stop_reason == Response::StopReason::max_tokens)
        return {};
    return protocol_error("a tool_use block has no id, no name or an input that is no JSON object");
}

tl::expected<Response, CallError> AnthropicStream::response() && {
    const std::optional<Response::StopReason> reason = read_stop_reason(stop_reason_);
    if (!complete_ || !reason)
        return protocol_error(
            "the message ended with the unknown stop reason \"" + stop_reason_ + "\"");
    Response response;
    response.message.role = Message::Role::assistant;
    response.stop_reason = *reason;
    response.usage = usage_;
    response.model = model_;
    response.provider_request_id = id_;
    bool has_calls = false;
    for (const auto& [index, block] : blocks_) {
        if (tl::expected<void, CallError> added = add_part(block, response); !added)
            return tl::unexpected(std::move(added).error());
        has_calls = has_calls || (!response.message.parts.empty() &&
                                  std::holds_alternative<ToolCall>(response.message.parts.back()));
    }
    // Compatible servers are not exact here; the blocks are what counts.
    if (has_calls && response.stop_reason == Response::StopReason::end_turn)
        response.stop_reason = Response::StopReason::tool_use;
    if (!has_calls && response.stop_reason == Response::StopReason::tool_use)
        return protocol_error("the message stops for tool_use and calls no tool");
    return response;
}

} // namespace kheish::models
