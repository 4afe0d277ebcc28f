#pragma once

#include "agenda.hpp"
#include "models/model.hpp"
#include "oracle.hpp"
#include "random.hpp"

#include <string>
#include <vector>

namespace kheish::sim {

/// The provider: it answers, asks for calls good and bad, refuses, is down. In thousandths.
struct ModelFaults {
    std::int64_t error = 0;
    std::int64_t network = 0; ///< of the errors
    std::int64_t final_error = 0;
    std::int64_t nonsense = 0;  ///< an unknown tool or a wrong input, per call asked for
    std::int64_t odd_stop = 0;  ///< cut or refused
    std::int64_t days_away = 0; ///< of the errors that name a time: up to three days
};

class SimModel final : public models::Model {
  public:
    SimModel(
        Agenda& agenda,
        Random random,
        Oracle& oracle,
        Violations& violations,
        const ModelFaults& faults,
        Life life)
        : agenda_(agenda), random_(random), oracle_(oracle), violations_(violations),
          faults_(faults), life_(std::move(life)) {}

    std::unique_ptr<models::Call> call(
        models::Request request,
        std::string idempotency_key,
        models::CallHandlers handlers) override;
    void mute() { life_.reset(); }

  private:
    using Answer = tl::expected<models::Response, models::CallError>;

    Answer answer();
    models::CallError error();
    models::ToolCall tool_call(std::size_t index);
    void check_request(const models::Request& request);

    Agenda& agenda_;
    Random random_;
    Oracle& oracle_;
    Violations& violations_;
    const ModelFaults& faults_;
    Life life_;
};

/// One route, "sim", over a SimModel.
class SimRoutes final : public models::Routes {
  public:
    explicit SimRoutes(SimModel& model) : model_(model) {
        view_.route_id = "sim";
        view_.driver = "sim";
        view_.default_model = "sim-1";
        view_.code = "ready";
    }
    std::vector<models::RouteView> list() const override { return {view_}; }
    std::string default_route() const override { return view_.route_id; }
    std::optional<models::RouteView> find(std::string_view route_id) const override {
        return route_id == view_.route_id ? std::optional(view_) : std::nullopt;
    }
    std::string credential_of(std::string_view route_id) const override {
        return route_id == view_.route_id ? view_.credential : "";
    }
    models::Model* model(std::string_view route_id) override {
        return route_id == view_.route_id ? &model_ : nullptr;
    }

  private:
    SimModel& model_;
    models::RouteView view_;
};

} // namespace kheish::sim
