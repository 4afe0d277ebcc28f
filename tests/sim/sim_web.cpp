#include "sim_web.hpp"

namespace kheish::sim {

std::unique_ptr<outbound::WebCall>
SimWeb::start(outbound::WebRequest request, UniqueFunction<void(outbound::WebAnswer)> done) {
    constexpr std::int64_t kLongest = 70'000'000;
    if (life_)
        oracle_.on_page_fetched(request.key);
    outbound::WebAnswer answer;
    answer.kind = random_.chance(200)   ? outbound::WebAnswer::Kind::failed
                  : random_.chance(100) ? outbound::WebAnswer::Kind::timed_out
                                        : outbound::WebAnswer::Kind::ok;
    answer.text = "what " + request.url.to_string() + " says";
    return std::make_unique<Expected<outbound::WebCall>>(
        agenda_,
        agenda_.in(
            random_.between(1, kLongest),
            life_,
            [done = std::move(done), answer = std::move(answer)]() mutable {
                done(std::move(answer));
            }));
}

} // namespace kheish::sim
