#include "base/assert.hpp"
#include "base/text.hpp"
#include "codec/sse_parser.hpp"

#include <cstddef>
#include <cstdint>

using kheish::codec::SseEvent;
using kheish::codec::SseParser;

// The first byte is the size of the pieces; the events must be those of the whole stream.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2)
        return 0;
    const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::size_t piece = std::size_t{data[0]} + 1;
    std::vector<SseEvent> whole;
    SseParser at_once;
    const bool accepted = at_once.feed(stream, whole).has_value();
    std::vector<SseEvent> pieces;
    SseParser in_pieces;
    bool pieces_accepted = true;
    for (std::size_t at = 0; at < stream.size(); at += piece)
        pieces_accepted = in_pieces.feed(stream.substr(at, piece), pieces).has_value();
    KHEISH_ASSERT(accepted == pieces_accepted);
    KHEISH_ASSERT(whole == pieces);
    for (const SseEvent& event : whole)
        KHEISH_ASSERT(kheish::is_valid_utf8(event.data));
    return 0;
}
