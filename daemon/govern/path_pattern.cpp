#include "govern/path_pattern.hpp"

#include <algorithm>
#include <span>
#include <string>
#include <vector>

namespace kheish::govern {

namespace {

using Segments = std::vector<std::string_view>;
constexpr std::string_view kAnyDepth = "**";

Segments split(std::string_view path) {
    Segments segments;
    while (!path.empty()) {
        const std::size_t end = std::min(path.find('/'), path.size());
        const std::string_view segment = path.substr(0, end);
        if (!segment.empty() && segment != ".")
            segments.push_back(segment);
        path.remove_prefix(std::min(end + 1, path.size()));
    }
    return segments;
}

/// Without recursion: a star that failed takes one character more.
bool matches_segment(std::string_view pattern, std::string_view name) {
    std::size_t at = 0;
    std::size_t star = std::string_view::npos;
    std::size_t star_name = 0;
    std::size_t i = 0;
    while (i < name.size()) {
        if (at < pattern.size() &&
            (pattern[at] == '?' || (pattern[at] == name[i] && name[i] != '*'))) {
            ++at;
            ++i;
        } else if (at < pattern.size() && pattern[at] == '*') {
            star = at++;
            star_name = i;
        } else if (star != std::string_view::npos) {
            at = star + 1;
            i = ++star_name;
        } else {
            return false;
        }
    }
    return std::all_of(pattern.begin() + at, pattern.end(), [](char c) { return c == '*'; });
}

/// Which beginnings of `path` the pattern's segments so far match, one after the other.
class Matcher {
  public:
    explicit Matcher(const Segments& path) : path_(path), reached_(path.size() + 1, false) {
        reached_[0] = true;
    }

    void take(std::string_view pattern) {
        std::vector<bool> next(reached_.size(), false);
        bool any = false;
        for (std::size_t i = 0; i < reached_.size(); ++i) {
            any = any || reached_[i];
            if (pattern == kAnyDepth)
                next[i] = any;
            else if (reached_[i] && i < path_.size())
                next[i + 1] = matches_segment(pattern, path_[i]);
        }
        reached_ = std::move(next);
    }
    bool at_end() const { return reached_.back(); }

  private:
    const Segments& path_;
    std::vector<bool> reached_;
};

} // namespace

Status check_path_pattern(std::string_view pattern) {
    const auto bad = [pattern](std::string_view problem) {
        return fail(
            Errc::bad_request,
            "\"" + std::string(pattern.substr(0, kPathPatternLimitBytes)) + "\" " +
                std::string(problem));
    };
    if (pattern.empty() || pattern.size() > kPathPatternLimitBytes)
        return bad(
            "is no path pattern: it has 1 to " + std::to_string(kPathPatternLimitBytes) + " bytes");
    if (pattern.front() == '/')
        return bad("must be relative to the workspace");
    const std::string padded = "/" + std::string(pattern) + "/";
    if (padded.find("/./") != std::string::npos || padded.find("/../") != std::string::npos)
        return bad("must have no \".\" and \"..\" in it");
    return {};
}

bool matches_path(std::string_view pattern, std::string_view path) {
    const Segments segments = split(path);
    Matcher matcher(segments);
    for (const std::string_view segment : split(pattern))
        matcher.take(segment);
    return matcher.at_end();
}

bool may_match_below(std::string_view pattern, std::string_view directory) {
    const Segments segments = split(directory);
    Matcher matcher(segments);
    bool may = matcher.at_end();
    for (const std::string_view segment : split(pattern)) {
        matcher.take(segment);
        may = may || matcher.at_end();
    }
    return may;
}

} // namespace kheish::govern
