#pragma once

#include "http/endpoints.hpp"

/// One function per operation, named by the endpoint table. Each parses what it was given with the
/// parsers that D-Bus uses too, makes one call to the service, and turns its answer into a reply.
namespace kheish::http::handle {

void health(Call& call, Reply reply);
void readiness(Call& call, Reply reply);
void status(Call& call, Reply reply);
void capabilities(Call& call, Reply reply);
void openapi(Call& call, Reply reply);
/// All three event streams. The greater of `?cursor=` and Last-Event-ID counts.
void follow(Call& call, Reply reply);

void create_session(Call& call, Reply reply);
void list_sessions(Call& call, Reply reply);
void get_session(Call& call, Reply reply);
void session_events(Call& call, Reply reply);
void submit(Call& call, Reply reply);
/// Answers with the session when the run has ended, however long that takes. A client that goes
/// away does not cancel the run.
void input(Call& call, Reply reply);
void interrupt_session(Call& call, Reply reply);
void end_session(Call& call, Reply reply);
/// Answers with the session.
void resolve_session(Call& call, Reply reply);
/// Answers with the run.
void resolve_session_detached(Call& call, Reply reply);

void list_runs(Call& call, Reply reply);
void get_run(Call& call, Reply reply);
void run_events(Call& call, Reply reply);
void external_actions(Call& call, Reply reply);
void cancel_run(Call& call, Reply reply);
void resolve_run(Call& call, Reply reply);

void list_grants(Call& call, Reply reply);
void revoke_grant(Call& call, Reply reply);

void list_questions(Call& call, Reply reply);
void session_questions(Call& call, Reply reply);
/// Answers with the session.
void answer_session(Call& call, Reply reply);
void answer_run(Call& call, Reply reply);
void cancel_question(Call& call, Reply reply);

void list_secrets(Call& call, Reply reply);
void get_secret(Call& call, Reply reply);
void set_secret(Call& call, Reply reply);
/// Answers {accepted: true}.
void delete_secret(Call& call, Reply reply);

void get_subject(Call& call, Reply reply);
void revoke_subject(Call& call, Reply reply);
void restore_subject(Call& call, Reply reply);
void get_lease(Call& call, Reply reply);
void revoke_lease(Call& call, Reply reply);
void revoke_slot(Call& call, Reply reply);

void check_permission(Call& call, Reply reply);
void permission_matrix(Call& call, Reply reply);

} // namespace kheish::http::handle
