#pragma once

#include <cstdint>

/// What a tool's declaration says of its calls, shared by those who declare tools, those who judge
/// calls and those who fold their events.
namespace kheish {

/// What may be done about a call that may or may not have happened.
enum class EffectClass : std::uint8_t {
    pure,         ///< run again
    keyed,        ///< run again with the same key; the receiver drops the repetition
    reconcilable, ///< look first, then finish or redo
    at_most_once, ///< never again by itself
};

/// Where a tool's work is done.
enum class ToolPlace : std::uint8_t {
    runner,
    daemon,
    person, ///< by somebody who is asked: nothing is executed, the answer is the result
};

/// What the permission modes tell apart.
enum class PermissionClass : std::uint8_t {
    read,    ///< looks at the workspace
    edit,    ///< changes files by a known path
    execute, ///< runs a program
    other,   ///< touches neither files nor programs
};

} // namespace kheish
