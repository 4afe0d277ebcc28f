#include "govern/action.hpp"

#include "codec/json.hpp"

namespace kheish::govern {

codec::Digest action_digest(const Action& action) {
    // The input goes in as text: it is canonical already, and text cannot be confused with a
    // neighbouring field.
    return codec::sha256(codec::canonical_json(codec::Json::object({
        {"version", 1},
        {"run", action.run.to_string()},
        {"call", action.call.value},
        {"tool", action.tool},
        {"input", action.input},
        {"working_directory", action.working_directory},
        {"sandbox_profile", action.sandbox_profile},
    })));
}

codec::Digest recurring_digest(const Action& action) {
    return codec::sha256(codec::canonical_json(codec::Json::object({
        {"version", 1},
        {"recurring", true},
        {"tool", action.tool},
        {"input", action.input},
        {"working_directory", action.working_directory},
        {"sandbox_profile", action.sandbox_profile},
    })));
}

} // namespace kheish::govern
