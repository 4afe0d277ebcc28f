#include "config/value.hpp"

#include <utility>

namespace kheish::config {

const char* Value::type_name() const {
    constexpr const char* kNames[] = {
        "a boolean", "an integer", "a number", "a string", "an array", "a table"};
    return kNames[content.index()];
}

void merge(Value& base, Value overlay) {
    Table* const below = std::get_if<Table>(&base.content);
    Table* const above = std::get_if<Table>(&overlay.content);
    if (below == nullptr || above == nullptr) {
        base = std::move(overlay);
        return;
    }
    for (auto& [key, value] : *above) {
        const auto found = below->find(key);
        if (found == below->end())
            below->emplace(key, std::move(value));
        else
            merge(found->second, std::move(value));
    }
}

} // namespace kheish::config
