#include "sandbox/rlimits.hpp"

#include <algorithm>
#include <cerrno>
#include <string>

#include <sys/resource.h>

namespace kheish::sandbox {

namespace {

struct Rule {
    __rlimit_resource_t resource;
    const char* name;
    rlim_t soft;
    rlim_t hard;
};

Status apply(const Rule& rule) {
    rlimit current = {};
    if (::getrlimit(rule.resource, &current) != 0)
        return fail_errno(std::string("reading ") + rule.name, errno, Errc::sandbox_unavailable);
    rlimit wanted = {};
    wanted.rlim_max = std::min(rule.hard, current.rlim_max);
    wanted.rlim_cur = std::min(rule.soft, wanted.rlim_max);
    if (::setrlimit(rule.resource, &wanted) != 0)
        return fail_errno(std::string("setting ") + rule.name, errno, Errc::sandbox_unavailable);
    return {};
}

} // namespace

Status apply_rlimits(const ResourceLimits& limits) {
    for (const Rule& rule :
         {Rule{RLIMIT_CORE, "RLIMIT_CORE", 0, 0},
          Rule{RLIMIT_RTPRIO, "RLIMIT_RTPRIO", 0, 0},
          Rule{RLIMIT_NICE, "RLIMIT_NICE", 0, 0},
          Rule{RLIMIT_MSGQUEUE, "RLIMIT_MSGQUEUE", 0, 0},
          Rule{RLIMIT_NOFILE, "RLIMIT_NOFILE", kOpenFilesSoftLimit, kOpenFilesHardLimit}})
        KHEISH_CHECK(apply(rule));
    if (limits.tasks_max > 0)
        KHEISH_CHECK(apply({RLIMIT_NPROC, "RLIMIT_NPROC", limits.tasks_max, limits.tasks_max}));
    return {};
}

} // namespace kheish::sandbox
