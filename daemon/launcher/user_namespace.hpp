#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"
#include "launcher/identity.hpp"

#include <string>

namespace kheish::launcher {

/// The lines of uid_map and gid_map (user_namespaces(7)): each id stands for itself. 0 stands for
/// an id that nobody has, because devpts needs an owner; it is out of reach without capabilities.
std::string uid_map(const Account& account);
std::string gid_map(const Account& account);

/// A user namespace that belongs to the account and is made with privilege, for `bwrap --userns`:
/// hosts that let only privileged processes make one let this one pass. The caller is root in a
/// single-threaded child of the launcher, with all privileges in force again afterwards.
/// Errc::sandbox_unavailable where the host has no user namespaces.
Result<Fd> make_user_namespace(const Account& account);

} // namespace kheish::launcher
