#include "base/text.hpp"
#include "runner/file_tools.hpp"
#include "tools/limits.hpp"

namespace kheish::runner {

bool BoundedText::add(std::string_view piece) {
    if (text_.size() + piece.size() + kNoteBytes > tools::kExcerptBytes)
        return false;
    text_.append(piece);
    return true;
}

void BoundedText::note(std::string_view text) {
    if (!text_.empty() && text_.back() != '\n')
        text_.push_back('\n');
    text_.append("[").append(truncate_utf8(text, kNoteBytes / 2 - 8)).append("]\n");
}

bool looks_binary(std::string_view content) {
    return content.substr(0, tools::kBinaryProbeBytes).find('\0') != std::string_view::npos;
}

} // namespace kheish::runner
