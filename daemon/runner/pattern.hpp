#pragma once

#include "base/result.hpp"

#include <memory>
#include <string>
#include <string_view>

struct pcre2_real_code_8;
struct pcre2_real_match_data_8;
struct pcre2_real_match_context_8;

namespace kheish::runner {

/// A Perl-compatible regular expression (pcre2pattern(3)), interpreted under bounds on steps, depth
/// and memory, so that no pattern can take more than a moment of one line.
class Pattern {
  public:
    /// Errc::bad_request says what is wrong with `expression`, and where.
    static Result<Pattern> compile(const std::string& expression, bool ignore_case);

    enum class Match { no, yes, gave_up };
    /// Bytes that are not UTF-8 match nothing.
    Match matches(std::string_view line) const;

  private:
    struct Release {
        void operator()(pcre2_real_code_8* code) const noexcept;
        void operator()(pcre2_real_match_data_8* data) const noexcept;
        void operator()(pcre2_real_match_context_8* context) const noexcept;
    };
    Pattern() = default;

    std::unique_ptr<pcre2_real_code_8, Release> code_;
    std::unique_ptr<pcre2_real_match_data_8, Release> data_;
    std::unique_ptr<pcre2_real_match_context_8, Release> context_;
};

} // namespace kheish::runner
