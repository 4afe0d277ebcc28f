"""Who starts kheishd: the boot, and the first connection of each kind."""

from agents import Agents, turn
from harness import case, check, check_in

UNITS = "kheish.service kheish.socket kheish-launcher.service kheish-launcher.socket"


def stop(machine):
    """Nothing of kheish runs; its sockets listen."""
    machine.run("systemctl stop kheish.service && systemctl start kheish.socket kheish-launcher.socket")

    def is_stopped():
        # What kheishd had asked for before its end may start the launcher once more.
        machine.run("systemctl stop kheish-launcher.service")
        return states(machine) == "inactive active inactive active"

    machine.until("only the sockets are there", is_stopped)


def states(machine):
    return " ".join(machine.run(f"systemctl is-active {UNITS}", check=False).out.split())


@case
def it_is_enabled_at_boot_beside_its_sockets(machine):
    enabled = machine.run("systemctl is-enabled kheish.service kheish.socket kheish-launcher.socket").out.split()
    check(enabled, ["enabled"] * 3)


@case
def the_first_call_on_the_bus_starts_it(machine):
    stop(machine)
    shown = machine.run_as("alice", "kheishctl status").out
    check_in("ready", shown)
    check(machine.run("systemctl is-active kheish.service").out, "active\n")


@case
def the_first_http_connection_starts_it(machine):
    stop(machine)
    answer = machine.run_as("alice", "curl -sS --fail --unix-socket /run/kheish/http.sock http://kheish/readyz")
    check(answer.out, "ready\n")
    check(machine.run("systemctl is-active kheish.service").out, "active\n")


@case
def systemctl_start_starts_it_and_is_told_when_it_is_ready(machine):
    stop(machine)
    machine.run("systemctl start kheish")
    check(machine.run("kheishctl --output json status >/dev/null; echo $?").out, "0\n")
    for name, value in (("Type", "notify"), ("WatchdogUSec", "1min"), ("NRestarts", "0")):
        check(machine.run(f"systemctl show -P {name} kheish.service").out.strip(), value, name)


@case
def the_first_run_starts_the_launcher_which_ends_by_itself(machine):
    agents = Agents(machine)
    agents.configure({"look": [turn("I look.", ("ls", "list_files", {"path": "."})), turn("done")]})
    agents.create("alice", "look")
    stop(machine)
    agents.wait(agents.submit("alice", "look", "look"))
    check(states(machine), "active active active active")
    # It leaves when it has had nothing to do for a while; the next run starts it again.
    machine.run("systemctl stop kheish-launcher.service")
    agents.wait(agents.submit("alice", "look", "look again"))
    check(states(machine), "active active active active")


@case
def connections_wait_in_the_socket_while_it_restarts(machine):
    stop(machine)
    client = (
        "import socket\n"
        "waiting = []\n"
        "for _ in range(50):\n"
        "    one = socket.socket(socket.AF_UNIX)\n"
        "    one.connect('/run/kheish/http.sock')\n"
        "    one.sendall(b'GET /healthz HTTP/1.1\\r\\nHost: kheish\\r\\nConnection: close\\r\\n\\r\\n')\n"
        "    waiting.append(one)\n"
        "print(sum(one.makefile('rb').read().endswith(b'ok\\n') for one in waiting))\n"
    )
    check(machine.run_as("alice", ["python3", "-c", client]).out, "50\n", "answered")
    Agents(machine).forget()
