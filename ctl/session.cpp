#include "session.hpp"

#include "output.hpp"
#include "remote.hpp"

namespace kheish::ctl {

Session::Session(const Invocation& invocation, std::vector<std::string> words)
    : json_(invocation.value("--output") == "json"), words_(std::move(words)) {
    settings_.host = invocation.value("--host").value_or("");
    settings_.ask_password = !invocation.flag("--no-ask-password");
}

Result<BusClient*> Session::client() {
    if (!client_) {
        KHEISH_TRY(BusClient connected, BusClient::connect(settings_));
        client_ = std::make_unique<BusClient>(std::move(connected));
    }
    return client_.get();
}

Result<codec::Json> Session::call_json(const Call& call) {
    KHEISH_TRY(BusClient* const client, this->client());
    return client->call_json(call);
}

Result<std::string> Session::call_path(const Call& call) {
    KHEISH_TRY(BusClient* const client, this->client());
    return client->call_text(call, 'o');
}

Result<std::string> Session::call_text(const Call& call) {
    KHEISH_TRY(BusClient* const client, this->client());
    return client->call_text(call, 's');
}

Status Session::go_to_host() {
    return settings_.host.empty() ? Status() : run_remotely(settings_.host, words_);
}

Result<Fd> Session::call_fd(const Call& call) {
    KHEISH_CHECK(go_to_host());
    KHEISH_TRY(BusClient* const client, this->client());
    return client->call_fd(call);
}

int Session::show(const codec::Json& view, const std::string& pretty) const {
    return print(json_ ? shown_json(view) + "\n" : pretty) ? 0 : 1;
}

} // namespace kheish::ctl
