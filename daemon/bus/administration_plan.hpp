#pragma once

#include "bus/edge.hpp"
#include "bus/method.hpp"

#include <string>
#include <utility>

namespace kheish::bus {

template <class Request>
using Change = void (control::Service::*)(const control::Caller&, Request, Responder<codec::Json>);

/// The prompt says what is to be done to which token.
template <class Request>
Plan administration_plan(
    BusEdge& edge,
    control::Operation operation,
    std::string summary,
    Request request,
    Change<Request> change) {
    return Plan{
        {.operation = operation, .details = {{"summary", std::move(summary)}}},
        [&edge, change, request = std::move(request)](
            const control::Caller& caller, BusMessage message) mutable {
            (edge.service().*
             change)(caller, std::move(request), json_responder(std::move(message)));
        }};
}

} // namespace kheish::bus
