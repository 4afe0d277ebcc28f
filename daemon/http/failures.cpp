#include "http/failures.hpp"

#include "base/text.hpp"

namespace kheish::http {

namespace {

constexpr std::size_t kPathLimitBytes = 256;
constexpr const char* kOthers = "others";

std::int64_t window_us() {
    return std::chrono::microseconds(Failures::kWindow).count();
}

/// Without the query, which may hold what is nobody's business.
std::string path_of(const Request& request) {
    const std::string path = request.target.substr(0, request.target.find('?'));
    return escape_for_display(path.substr(0, kPathLimitBytes));
}

} // namespace

Failures::Buckets::value_type&
Failures::bucket_of(const std::string& reason, const std::string& peer, std::int64_t now_us) {
    const auto is_over = [now_us](const auto& entry) {
        return now_us - entry.second.since_boot_us >= window_us();
    };
    const auto found = buckets_.find({reason, peer});
    if (found != buckets_.end())
        return *found;
    if (buckets_.size() >= kBucketLimit)
        std::erase_if(buckets_, is_over);
    const bool has_room = buckets_.size() < kBucketLimit;
    return *buckets_.try_emplace({reason, has_room ? peer : kOthers}).first;
}

void Failures::count(Bucket& bucket, std::int64_t now_us) {
    if (bucket.count == 0 || now_us - bucket.since_boot_us >= window_us())
        bucket = {now_us, 0};
    ++bucket.count;
}

Error Failures::note(const std::string& peer, const Request& request, Error error) {
    const std::string reason(error_info(error.code).name);
    const std::int64_t now_us = clock_.now().boot_us;
    auto& [name, bucket] = bucket_of(reason, peer, now_us);
    count(bucket, now_us);
    const bool too_many = bucket.count == kLimit + 1;
    if (bucket.count == 1 || too_many) {
        count(told_, now_us);
        if (told_.count <= kToldLimit)
            tell_({reason, name.second, std::string(request.method), path_of(request), too_many});
    }
    if (bucket.count <= kLimit)
        return error;
    return Error{
        .code = Errc::authentication_rate_limited,
        .message = "more than " + std::to_string(kLimit) + " refused requests in a minute (" +
                   reason + "); wait a minute and come with a good token"};
}

} // namespace kheish::http
