#define PCRE2_CODE_UNIT_WIDTH 8
#include "runner/pattern.hpp"

#include "base/text.hpp"

#include <array>

#include <pcre2.h>

namespace kheish::runner {
namespace {

constexpr std::uint32_t kStepLimit = 1'000'000;
constexpr std::uint32_t kDepthLimit = 10'000;
constexpr std::uint32_t kHeapLimitKib = 20'000;

const unsigned char* units(std::string_view text) {
    // pcre2 takes unsigned char; reading char objects through it is allowed.
    return reinterpret_cast<const unsigned char*>(text.data());
}

} // namespace

void Pattern::Release::operator()(pcre2_real_code_8* code) const noexcept {
    pcre2_code_free(code);
}

void Pattern::Release::operator()(pcre2_real_match_data_8* data) const noexcept {
    pcre2_match_data_free(data);
}

void Pattern::Release::operator()(pcre2_real_match_context_8* context) const noexcept {
    pcre2_match_context_free(context);
}

Result<Pattern> Pattern::compile(const std::string& expression, bool ignore_case) {
    int error = 0;
    PCRE2_SIZE offset = 0;
    const std::uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C |
                                  (ignore_case ? PCRE2_CASELESS : 0U);
    Pattern pattern;
    pattern.code_.reset(
        pcre2_compile(units(expression), expression.size(), options, &error, &offset, nullptr));
    if (!pattern.code_) {
        std::array<unsigned char, 256> message{};
        (void)pcre2_get_error_message(error, message.data(), message.size());
        std::string text;
        for (std::size_t i = 0; i < message.size() && message.at(i) != 0; ++i)
            text.push_back(static_cast<char>(message.at(i)));
        return fail(
            Errc::bad_request,
            "grep_search.pattern is not valid at byte " + std::to_string(offset) + ": " + text);
    }
    pattern.data_.reset(pcre2_match_data_create(1, nullptr));
    pattern.context_.reset(pcre2_match_context_create(nullptr));
    if (!pattern.data_ || !pattern.context_)
        return fail(Errc::internal, "no memory for a regular expression");
    (void)pcre2_set_match_limit(pattern.context_.get(), kStepLimit);
    (void)pcre2_set_depth_limit(pattern.context_.get(), kDepthLimit);
    (void)pcre2_set_heap_limit(pattern.context_.get(), kHeapLimitKib);
    return pattern;
}

Pattern::Match Pattern::matches(std::string_view line) const {
    const int found =
        pcre2_match(code_.get(), units(line), line.size(), 0, 0, data_.get(), context_.get());
    if (found >= 0)
        return Match::yes;
    return found == PCRE2_ERROR_NOMATCH ? Match::no : Match::gave_up;
}

} // namespace kheish::runner
