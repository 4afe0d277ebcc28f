#include "sandbox/plan.hpp"

#include "sandbox/runner_start.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <initializer_list>

#include <sys/stat.h>
#include <unistd.h>

namespace kheish::sandbox {

namespace {

constexpr std::array kRootEntries{"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"};
constexpr std::string_view kHome = "/tmp/home";

class Arguments {
  public:
    void add(std::initializer_list<std::string> words) {
        words_.insert(words_.end(), words.begin(), words.end());
    }
    std::vector<std::string> take() { return std::move(words_); }

  private:
    std::vector<std::string> words_;
};

void add_namespaces(Arguments& arguments, const PlanInput& input) {
    // Named one by one because --unshare-all would make a user namespace of its own.
    arguments.add({"--userns", std::to_string(input.user_namespace_fd)});
    arguments.add({"--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup"});
    if (!input.profile.network)
        arguments.add({"--unshare-net"});
    arguments.add({"--as-pid-1", "--new-session", "--cap-drop", "ALL"});
    arguments.add({"--hostname", input.profile.hostname});
}

void add_system(Arguments& arguments, const PlanInput& input) {
    arguments.add({"--ro-bind", "/usr", "/usr"});
    for (const RootEntry& entry : input.host.root_entries) {
        if (entry.link_target.empty())
            arguments.add({"--ro-bind", entry.path, entry.path});
        else
            arguments.add({"--symlink", entry.link_target, entry.path});
    }
    arguments.add({"--ro-bind", "/etc", "/etc"});
    if (input.host.has_kheish_configuration)
        arguments.add({"--tmpfs", "/etc/kheish", "--remount-ro", "/etc/kheish"});
    arguments.add({"--ro-bind-try", "/opt", "/opt"});
    for (const std::string& path : input.profile.read_only_paths)
        arguments.add({"--ro-bind-try", path, path});
    if (!input.profile.network)
        return;
    // /etc/resolv.conf is often a link to one of these.
    for (const std::string path :
         {"/run/systemd/resolve/stub-resolv.conf",
          "/run/systemd/resolve/resolv.conf",
          "/run/NetworkManager/resolv.conf"})
        arguments.add({"--ro-bind-try", path, path});
}

void add_private_trees(Arguments& arguments, const PlanInput& input) {
    const std::string size = std::to_string(input.profile.tmp_size_bytes);
    arguments.add({"--proc", "/proc", "--dev", "/dev"});
    for (const std::string path : {"/tmp", "/var/tmp"})
        arguments.add({"--perms", "1777", "--size", size, "--tmpfs", path});
    arguments.add({"--perms", "0700", "--dir", std::string(kHome)});
    arguments.add({"--bind-fd", std::to_string(input.workspace_fd), input.workspace});
    arguments.add({"--remount-ro", "/", "--chdir", input.workspace});
}

void add_environment(Arguments& arguments, const PlanInput& input) {
    arguments.add({"--clearenv"});
    arguments.add({"--setenv", "PATH", "/usr/local/bin:/usr/bin:/bin"});
    arguments.add({"--setenv", "HOME", std::string(kHome)});
    arguments.add({"--setenv", "USER", input.user_name});
    arguments.add({"--setenv", "LOGNAME", input.user_name});
    arguments.add({"--setenv", "SHELL", "/bin/sh"});
    arguments.add({"--setenv", "LANG", "C.UTF-8"});
    arguments.add({"--setenv", "TERM", "dumb"});
    arguments.add({"--setenv", "TMPDIR", "/tmp"});
    const RunnerView view{
        .workspace = input.workspace,
        .read_only_paths = input.profile.read_only_paths,
        .network = input.profile.network,
        .tasks_max = input.tasks_max};
    for (const EnvironmentEntry& entry : runner_environment(view))
        arguments.add({"--setenv", entry.name, entry.value});
}

} // namespace

Result<HostLayout> read_host_layout() {
    HostLayout layout;
    for (const char* path : kRootEntries) {
        struct stat status = {};
        if (::lstat(path, &status) != 0) {
            if (errno == ENOENT)
                continue;
            return fail_errno(std::string("inspecting ") + path, errno);
        }
        RootEntry entry{path, ""};
        if (S_ISLNK(status.st_mode)) {
            std::array<char, PATH_MAX> target{};
            const ssize_t length = ::readlink(path, target.data(), target.size());
            if (length <= 0)
                return fail_errno(std::string("reading the link ") + path, errno);
            entry.link_target.assign(target.data(), static_cast<std::size_t>(length));
        }
        layout.root_entries.push_back(std::move(entry));
    }
    layout.has_kheish_configuration = ::access("/etc/kheish", F_OK) == 0;
    return layout;
}

std::vector<std::string> plan(const PlanInput& input) {
    Arguments arguments;
    add_namespaces(arguments, input);
    add_system(arguments, input);
    add_private_trees(arguments, input);
    add_environment(arguments, input);
    arguments.add({"--seccomp", std::to_string(input.seccomp_fd)});
    arguments.add({"--", input.runner});
    return arguments.take();
}

} // namespace kheish::sandbox
