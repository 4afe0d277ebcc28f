#pragma once

#include "control/operations.hpp"
#include "http/request.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace kheish::http {

/// What a request is for. Without an operation it is nothing: the path has no operation of that
/// method (`allow` then says which it has) or is none of ours (`allow` is empty).
struct RouteMatch {
    const control::OperationInfo* operation = nullptr;
    std::string_view session;  ///< {sid} as given, if the path has one; part of the Target
    std::string_view run;      ///< {rid}
    std::string_view question; ///< {qid}
    std::string_view name;     ///< {name}
    std::string allow;         ///< value of the Allow header
};

/// Paths and methods of the operations table, and of nothing else.
class Router {
  public:
    Router();
    /// HEAD is GET. The result refers to `target`.
    RouteMatch match(std::string_view method, const Target& target) const;

  private:
    struct Row {
        const control::OperationInfo* operation;
        std::vector<std::string_view> segments;
    };
    static bool fits(const Row& row, const Target& target, RouteMatch& match);

    std::vector<Row> rows_;
};

} // namespace kheish::http
