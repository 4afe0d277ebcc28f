#pragma once

#include "base/result.hpp"
#include "base/unique_function.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace kheish::models {

/// A text of a scenario with what it quotes from the run (kheish-scenario(5)):
///
///     {{input}}                              the text that the run was started with
///     {{result "name"}}                      the text of an earlier tool call's result
///     {{result "name" "/json/pointer"}}      the value that an RFC 6901 pointer finds in it: a
///                                            string as it is, anything else as canonical JSON
///     {{result "name" lines=5 chars=200}}    at most that many lines, then characters, of either
///     {{"literal"}}                          the literal, for a text that holds two braces
///
/// Strings stand in single or double quotes; a backslash takes the next character literally.
class ScriptedTemplate {
  public:
    struct Quote {
        std::string call; ///< the name of a tool call; empty quotes the run's input
        std::string pointer;
        std::int64_t lines = kAll;
        std::int64_t chars = kAll;
    };
    static constexpr std::int64_t kAll = std::numeric_limits<std::int64_t>::max();
    /// The text of the named call's result, or of the input for an empty name.
    using Source = UniqueFunction<Result<std::string>(std::string_view call)>;

    /// Errc::invalid_configuration that says which placeholder is wrong and why.
    static Result<ScriptedTemplate> parse(std::string_view text);
    /// The names of the calls that it quotes, in order.
    std::vector<std::string> quoted_calls() const;
    /// Errors of `source`, and Errc::bad_request where a pointer finds nothing.
    Result<std::string> render(Source& source) const;

  private:
    using Piece = std::variant<std::string, Quote>;
    std::vector<Piece> pieces_;
};

} // namespace kheish::models
