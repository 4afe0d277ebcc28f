#include "sim_web.hpp"

namespace kheish::sim {

class SimWeb::Entry final : public outbound::WebCall {
  public:
    Entry(Agenda& agenda, std::uint64_t number) : agenda_(agenda), number_(number) {}
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry() override { agenda_.cancel(number_); }

  private:
    Agenda& agenda_;
    std::uint64_t number_;
};

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
    return std::make_unique<Entry>(
        agenda_,
        agenda_.in(
            random_.between(1, kLongest),
            life_,
            [done = std::move(done), answer = std::move(answer)]() mutable {
                done(std::move(answer));
            }));
}

} // namespace kheish::sim
