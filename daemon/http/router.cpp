#include "http/router.hpp"

#include <algorithm>

namespace kheish::http {

namespace {

constexpr std::string_view kSession = "{sid}";
constexpr std::string_view kRun = "{rid}";
constexpr std::string_view kQuestion = "{qid}";
constexpr std::string_view kName = "{name}";

std::vector<std::string_view> split(std::string_view path) {
    std::vector<std::string_view> segments;
    while (!path.empty()) {
        path.remove_prefix(1);
        const std::size_t end = std::min(path.find('/'), path.size());
        segments.push_back(path.substr(0, end));
        path.remove_prefix(end);
    }
    return segments;
}

void add_method(std::string& allow, std::string_view method) {
    if (!allow.empty())
        allow += ", ";
    allow += method;
    if (method == "GET")
        allow += ", HEAD";
}

} // namespace

Router::Router() {
    for (const control::OperationInfo& operation : control::operations())
        if (!operation.http_path.empty())
            rows_.push_back({&operation, split(operation.http_path)});
}

bool Router::fits(const Row& row, const Target& target, RouteMatch& match) {
    if (row.segments.size() != target.segments.size())
        return false;
    for (std::size_t i = 0; i < row.segments.size(); ++i) {
        if (row.segments[i] == kSession)
            match.session = target.segments[i];
        else if (row.segments[i] == kRun)
            match.run = target.segments[i];
        else if (row.segments[i] == kQuestion)
            match.question = target.segments[i];
        else if (row.segments[i] == kName)
            match.name = target.segments[i];
        else if (row.segments[i] != target.segments[i])
            return false;
    }
    return true;
}

RouteMatch Router::match(std::string_view method, const Target& target) const {
    if (method == "HEAD")
        method = "GET";
    RouteMatch none;
    for (const Row& row : rows_) {
        RouteMatch match;
        if (!fits(row, target, match))
            continue;
        match.operation = row.operation;
        if (row.operation->http_method == method)
            return match;
        add_method(none.allow, row.operation->http_method);
    }
    if (!none.allow.empty())
        none.allow += ", OPTIONS";
    return none;
}

} // namespace kheish::http
