#pragma once

#include <cstdlib>
#include <memory>

namespace kheish {

/// A NULL-terminated list of strings from libsystemd, which the caller frees.
struct FreeStringList {
    void operator()(char** strings) const noexcept {
        for (char** string = strings; *string != nullptr; ++string)
            std::free(*string);
        std::free(static_cast<void*>(strings));
    }
};
using StringList = std::unique_ptr<char*, FreeStringList>;

} // namespace kheish
