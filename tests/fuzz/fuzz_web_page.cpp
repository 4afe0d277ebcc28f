#include "base/assert.hpp"
#include "codec/url.hpp"
#include "outbound/html_text.hpp"

#include <cstddef>
#include <cstdint>

// What a page says never grows much beyond the page; an address that is taken is read again as it
// is written.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    constexpr std::size_t kListItem = 4; // "<li>" becomes a line of "- "
    KHEISH_ASSERT(kheish::outbound::html_text(input).size() <= (input.size() + 1) * kListItem);
    if (const kheish::Result<kheish::codec::Url> url = kheish::codec::parse_url(input)) {
        const kheish::Result<kheish::codec::Url> again = kheish::codec::parse_url(url->to_string());
        KHEISH_ASSERT(again.has_value() && *again == *url);
    }
    if (const auto pattern = kheish::codec::parse_host_pattern(input))
        KHEISH_ASSERT(!pattern->host.empty());
    return 0;
}
