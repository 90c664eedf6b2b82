"""Ten thousand people who watch (goals 17, 18, 19)."""

import json
import subprocess
import time

import machine
from product import Hub
from programs import Server, reference
from table import LESS, Figure

CLIENTS = 10_000
# Resident memory of the bare axum server per client, as goal 17 fixes it, in KiB.
AXUM_KIB = 19.7
# A round of goal 19 with more would only wait longer.
STALLED = 1


class Crowd:
    """One `ssecli`: opens its clients, broadcasts when told to, closes."""

    def __init__(self, server_pid, port, control, key="none", rounds=15, stalled=0):
        self._pid = server_pid
        before = machine.rss_mib(server_pid)
        command = [reference("ssecli"), "--port", port, "--control", control, "--key", key]
        command += ["--conns", CLIENTS, "--rounds", rounds, "--stalled", stalled]
        self._process = subprocess.Popen(
            [str(it) for it in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._line()
        time.sleep(2)
        self.kib_per_client = (machine.rss_mib(server_pid) - before) * 1024 / CLIENTS
        self.rss_open_mib = machine.rss_mib(server_pid)
        cpu_before = machine.cpu_s(server_pid)
        self._go()
        done = self._line()
        # Each round is two events: one rings, one is hung up.
        self.cpu_us_per_push = (machine.cpu_s(server_pid) - cpu_before) * 1e6 / (
            2 * rounds * CLIENTS
        )
        self.last_client_us, self.event_bytes = done["last_client_us"], done["event_bytes"]
        self.rss_end_mib = machine.rss_mib(server_pid)
        self._go()
        self._process.wait(timeout=30)

    def _line(self):
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"ssecli ended with {self._process.wait()}")
        return json.loads(line)

    def _go(self):
        self._process.stdin.write("\n")
        self._process.stdin.flush()


def bare(mode, rounds, event_bytes=450):
    """The crowd before a bare server."""
    with Server("ssesrv", "--mode", mode, "--event-bytes", event_bytes, ports=2) as server:
        return Crowd(server.pid, server.ports[0], server.ports[1], rounds=rounds)


def ours(rounds, stalled=0):
    """The crowd before the product, whose events come from a phone system."""
    with Server("amiserve", "--control", 0, ports=2) as ami, Hub() as hub:
        hub.configure(ami.ports[0]).start()
        machine.wait_until("the link is up", lambda: _link_is_up(hub))
        return Crowd(hub.pid, hub.port, ami.ports[1], hub.key, rounds, stalled)


def _link_is_up(hub):
    items = hub.get_json("/api/v1/pbxes")["items"]
    return any("up" in json.dumps(it.get("link", it)) for it in items)


def idle_and_broadcast(options):
    """Goals 17, 18 and 19: memory per client, time to the last one, CPU, one that never reads."""
    figures = [
        Figure(17, "RSS per idle SSE client ÷ bare axum's (fixed: 19.7 KiB)", 2.0, 1.4, LESS),
        Figure(17, "RSS per idle SSE client ÷ bare axum's, same round", better=LESS),
        Figure(18, "time until the last of 10,000 has an event ÷ raw sockets", 1.8, 1.3, LESS),
        Figure(18, "CPU per push ÷ raw sockets", 3, 2, LESS),
        Figure(18, "time until the last of 10,000 has an event", better=LESS, unit="ms"),
        Figure(19, "the same with a client that never reads ÷ without", 1.3, 1.1, LESS),
        Figure(19, "RSS growth by that client", 1, None, LESS, "MiB"),
    ]
    fixed, same, last, cpu, last_ms, stalled, growth = figures
    rounds = 7 if options.quick else 15
    for _ in range(2 if options.quick else options.rounds):
        axum = bare("axum", rounds=2)
        plain = ours(rounds)
        raw = bare("raw", rounds, plain.event_bytes)
        with_one = ours(rounds, STALLED)
        fixed.add(plain.kib_per_client / AXUM_KIB)
        same.add(plain.kib_per_client / axum.kib_per_client)
        last.add(plain.last_client_us / raw.last_client_us)
        cpu.add(plain.cpu_us_per_push / raw.cpu_us_per_push)
        last_ms.add(plain.last_client_us / 1000)
        stalled.add(with_one.last_client_us / plain.last_client_us)
        growth.add(
            max(
                0.0,
                (with_one.rss_end_mib - with_one.rss_open_mib)
                - (plain.rss_end_mib - plain.rss_open_mib),
            )
        )
    last.note = f"an event has {plain.event_bytes} bytes on both sides"
    return figures
