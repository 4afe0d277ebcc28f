"""Followers of a run's events, over restarts of kheishd."""

import os

from agents import Agents, slow_bash, turn
from harness import case, check, check_in

CLIENT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "event_source.py")
CROWD = os.path.join(os.path.dirname(CLIENT), "many_event_sources.py")
RUNS = {
    "three steps": [
        turn("First.", slow_bash("one")),
        turn("Second.", slow_bash("two")),
        turn("Third.", slow_bash("three")),
        turn("It said: {{result 'three'}}"),
    ],
}


def follow(machine, target, *last_id):
    return machine.start(["/usr/bin/python3", CLIENT, target, *last_id], user="alice")


def read_all(process):
    out, err = process.communicate(timeout=60)
    check((process.returncode, err), (0, b""), "the client")
    return [line.split() for line in out.decode().splitlines()]


@case
def a_client_with_last_event_id_sees_every_id_once_over_restarts(machine):
    agents = Agents(machine)
    agents.configure(RUNS, allowed=("bash",))
    agents.create("alice", "steps")
    run = agents.submit("alice", "steps", "three steps")
    clients = [
        follow(machine, f"/v1/runs/{run}/stream?cursor=0"),
        follow(machine, "/v1/sessions/steps/stream?cursor=0"),
        follow(machine, f"/v1/events/stream?run_id={run}&cursor=0"),
    ]
    for name, interrupt in (
        ("one", lambda: machine.run("systemctl restart kheish.service")),
        ("two", agents.kill_daemon),
        ("three", lambda: machine.run("systemctl stop kheish.service && systemctl start kheish.service")),
    ):
        agents.until_executed("alice", "steps", name)
        interrupt()
        agents.release("alice", "steps", name)
    agents.wait(run)
    seen = [read_all(client) for client in clients]

    every = read_all(follow(machine, f"/v1/runs/{run}/stream?cursor=0"))
    ids = [int(frame[0]) for frame in every]
    check(ids, sorted(set(ids)), "ids of the run's stream")
    check(len(ids) > 20, True, f"there was something to see: {every}")
    check(seen[0], every, "what a client of the run saw over three restarts")
    check(seen[2], every, "what a client of all events saw of the run")
    check([frame for frame in seen[1] if frame[1] != "session_state_changed"], every, "of the session")

    half = ids[len(ids) // 2]
    rest = read_all(follow(machine, f"/v1/runs/{run}/stream", str(half)))
    check([int(frame[0]) for frame in rest], [one for one in ids if one > half], "from the middle")


@case(timeout=300)
def a_thousand_clients_see_every_id_once_over_restart_and_kill(machine):
    agents = Agents(machine)
    # A quarter of each is for one user.
    limits = "[http]\nsubscribers = 8192\nconnections = 16384\n"
    agents.configure(RUNS, allowed=("bash",), settings=limits)
    agents.create("alice", "crowd")
    run = agents.submit("alice", "crowd", "three steps")
    agents.until_executed("alice", "crowd", "one")
    crowd = machine.start(["/usr/bin/python3", CROWD, "1000", f"/v1/runs/{run}/stream?cursor=0"], user="alice")
    check(crowd.stdout.readline(), b"following\n", "the clients")
    for name, interrupt in (
        ("one", lambda: machine.run("systemctl restart kheish.service")),
        ("two", agents.kill_daemon),
        ("three", lambda: None),
    ):
        agents.until_executed("alice", "crowd", name)
        interrupt()
        agents.release("alice", "crowd", name)
    agents.wait(run)
    out, err = crowd.communicate(timeout=200)
    check((crowd.returncode, err), (0, b""), "the clients")
    every = ",".join(frame[0] for frame in read_all(follow(machine, f"/v1/runs/{run}/stream?cursor=0")))
    check(out.decode(), f"1000 {every}\n", "what a thousand clients saw")


@case
def a_cursor_that_is_none_is_refused(machine):
    agents = Agents(machine)
    for last_id in ("x", "-1", "1.5", "99999999999999999999"):
        client = follow(machine, "/v1/sessions/steps/stream", last_id)
        _, err = client.communicate(timeout=30)
        check(client.returncode, 1, f"Last-Event-ID {last_id}")
        check_in("invalid_event_cursor", err.decode(), f"Last-Event-ID {last_id}")
    agents.forget()
