"""What a run has left on record, and whether that is what the tour was to show."""

from .shell import TourError, kheishctl, say


def events_of(run):
    entries = kheishctl("runs", "events", run)
    return entries if isinstance(entries, list) else entries["run_events"]


def check_restart(run, restart):
    """The command went on through the restart, and was executed once."""
    events = events_of(run)

    def of_call(event_type):
        return [
            entry
            for entry in events
            if entry["event"]["type"] == event_type and entry["event"].get("call") == restart.call
        ]

    started, finished = of_call("tool.started"), of_call("tool.finished")
    if len(started) != 1 or len(finished) != 1:
        raise TourError(f"bash was started {len(started)} times and finished {len(finished)} times")
    if finished[0]["event"]["outcome"] != "ok":
        raise TourError(f"bash ended as {finished[0]['event']['outcome']}")
    adopted = [entry["event"] for entry in events if entry["event"]["type"] == "runner_adopted"]
    known = [call for event in adopted for call in event["running"] + event["finished"]]
    if restart.call not in known or finished[0]["timestamp_ms"] < restart.requested_ms:
        raise TourError("bash had ended before kheishd was restarted")
    seconds = finished[0]["event"]["duration_us"] / 1e6
    say(f"bash ran for {seconds:.1f} s, through the restart, and was executed once")


def check_result(run, view):
    if view["status"] != "completed":
        raise TourError(f"{run} is {view['status']}: {view.get('error', 'no reason is given')}")
    if not any(output["content"].strip() for output in view.get("outputs", [])):
        raise TourError(f"{run} has completed without an answer")


def print_accounting(run, view):
    """CPU time, tasks, memory, wall time, tokens; what this kernel does not count is said."""
    used = view["accounting"]
    if used["cpu_usage_us"] <= 0 or used.get("wall_us", 0) <= 0 or used["output_tokens"] <= 0:
        raise TourError(f"{run} is not accounted for: {used}")
    missing = "not counted by this kernel"
    memory = used.get("memory_peak_bytes")
    rows = (
        ("CPU time", f"{used['cpu_usage_us'] / 1e6:.2f} s"),
        ("wall time", f"{used['wall_us'] / 1e6:.1f} s"),
        ("tasks, at most", used.get("tasks_peak", missing)),
        ("memory, at most", missing if memory is None else f"{memory / (1 << 20):.1f} MiB"),
        ("model turns", used["turns"]),
        ("tool calls", sum(entry["event"]["type"] == "tool.started" for entry in events_of(run))),
        ("tokens", f"{used['input_tokens']} in, {used['output_tokens']} out"),
    )
    say(f"what {run} has used")
    for name, value in rows:
        print(f"    {name:<16} {value}", flush=True)
