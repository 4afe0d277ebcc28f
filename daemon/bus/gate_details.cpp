#include "bus/gate_details.hpp"

namespace kheish::bus {

namespace {

/// Whoever releases the gate allows this too.
std::string remembered(const std::optional<control::Remember>& remember) {
    return remember ? " [and from now on " + control::describe(*remember) + "]" : "";
}

} // namespace

Details
details_of(control::ApprovalSummary gate, const std::optional<control::Remember>& remember) {
    gate.summary += remembered(remember);
    return {
        {"approval", gate.approval.value},
        {"session", gate.session.value},
        {"run", gate.run.to_string()},
        {"tool", std::move(gate.tool)},
        {"summary", std::move(gate.summary)},
        {"digest", std::move(gate.digest)}};
}

Result<Details> details_of(
    const control::Service& service, RunId run, std::span<const control::Resolution> resolutions) {
    constexpr std::size_t kShown = 8;
    std::string approvals;
    std::string summaries;
    std::string digests;
    std::string session;
    for (std::size_t i = 0; i < resolutions.size() && i < kShown; ++i) {
        const ApprovalId& approval = resolutions[i].approval;
        KHEISH_TRY(const control::ApprovalSummary gate, service.approval_summary(approval));
        const std::string separator = i == 0 ? "" : "; ";
        approvals += separator + approval.value;
        summaries += separator + std::string(to_string(resolutions[i].behavior)) + " " +
                     gate.summary + remembered(resolutions[i].remember);
        digests += separator + gate.digest;
        session = gate.session.value;
    }
    const std::size_t count = resolutions.size();
    if (count > kShown)
        summaries += "; and " + std::to_string(count - kShown) + " more";
    return Details{
        {"run", run.to_string()},
        {"approval", std::move(approvals)},
        {"session", std::move(session)},
        {"tool", std::to_string(count) + " calls"},
        {"digest", std::move(digests)},
        {"summary", std::move(summaries)}};
}

} // namespace kheish::bus
