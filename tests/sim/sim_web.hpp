#pragma once

#include "agenda.hpp"
#include "oracle.hpp"
#include "outbound/web_fetch.hpp"
#include "random.hpp"

namespace kheish::sim {

/// The web: some time later it answers, or says that it cannot. Nothing of it is asked for that is
/// not on record.
class SimWeb final : public outbound::WebFetch {
  public:
    SimWeb(Agenda& agenda, Random random, Oracle& oracle, Life life)
        : agenda_(agenda), random_(random), oracle_(oracle), life_(std::move(life)) {}

    std::unique_ptr<outbound::WebCall>
    start(outbound::WebRequest request, UniqueFunction<void(outbound::WebAnswer)> done) override;
    void mute() { life_.reset(); }

  private:
    Agenda& agenda_;
    Random random_;
    Oracle& oracle_;
    Life life_;
};

} // namespace kheish::sim
