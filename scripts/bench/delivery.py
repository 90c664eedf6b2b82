"""From the bytes of a phone system to the answer of an endpoint (goals 1, 2, 9, 14, 20, 23)."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

import machine
from machine import wait_until
from product import Hub, await_deliveries, stats
from programs import CACHE, ROOT, Server, ask, stream
from table import LESS, Figure

# An idle svix-server 1.100 and one under load, in MB and MiB, as measured on a machine of this
# class by the method of docs/benchmarks.md; it is not built again here.
SVIX_RSS_IDLE_MB = 39.4
SVIX_RSS_LOADED_MIB = 49.5
# A stream at full speed: 53,000 deliveries, and a short one.
CALLS, CALLS_QUICK = 14_137, 6_000
# Calls in a stream whose pace is given.
EVENTS_PER_CALL = 22.5


def drive(calls, storage=None, wrapper=(), rate=0, log=False):
    """The whole chain once: gives the seconds of wall and CPU, and what the sink saw."""
    path, facts = stream(calls)
    sink_log = CACHE / "sink.log"
    ami_log = CACHE / "ami.log"
    logs = (["--log", sink_log], ["--log", ami_log]) if log else ([], [])
    with (
        Server("sink", *logs[0]) as sink,
        Server("amiserve", "--file", path, "--rate", rate, *logs[1]) as ami,
        Hub(storage=storage, wrapper=wrapper) as hub,
    ):
        hub.configure(ami.port, sink.port).start()
        wait_until("the stream begins", lambda: ami.said("stream begins"), 60)
        cpu_before = hub.cpu_s()
        # Before its first bytes have become a delivery; what is used in between is nothing.
        seen = await_deliveries(sink.port, facts["deliveries"], 60 + calls / 100)
        began_us = ami.said("stream begins")
        wall_s = (seen["last_us"] - began_us) / 1e6
        # What remains after the answer of the last: marking it done.
        time.sleep(0.3)
        cpu_s = hub.cpu_s() - cpu_before
        result = {
            "seen": seen,
            "expected": facts["deliveries"],
            "wall_s": wall_s,
            "cpu_s": cpu_s,
            "rss_peak_mib": machine.rss_peak_mib(hub.pid),
            "ami_events": facts["events"],
        }
        if log:
            stats(sink.port, "/flush")
            result["latencies_us"] = _latencies(ami_log, sink_log)
        hub.stop()
    return result


def _complete(run):
    """Refuses a run in which a delivery is missing or came twice."""
    seen, expected = run["seen"], run["expected"]
    if seen["distinct"] != expected or seen["count"] != expected:
        raise RuntimeError(
            f"of {expected} deliveries {seen['distinct']} arrived, in {seen['count']} requests"
        )
    return run


def full_speed(options):
    """Goals 1, 2 and 20 (under saturation): beside the bare signed client, the same sink."""
    cpu = Figure(1, "CPU per POST of the bare signed client ÷ per delivery", 0.30, 0.40)
    wall = Figure(2, "durable deliveries/s ÷ bare signed client", 0.35, 0.50)
    what = "RSS under saturation ÷ svix-server's (fixed: 49.5 MiB)"
    memory = Figure(20, what, 2, 1, LESS)
    cpu_us = Figure(1, "CPU per delivery", unit="µs", better=LESS)
    rate = Figure(2, "durable deliveries/s")
    calls = CALLS_QUICK if options.quick else CALLS
    for _ in range(options.rounds):
        with Server("sink") as sink:
            bare = ask("post", "--port", sink.port, "--secs", 1.5 if options.quick else 3)
        run = _complete(drive(calls))
        each_us = run["cpu_s"] * 1e6 / run["expected"]
        per_s = run["expected"] / run["wall_s"]
        cpu.add(bare["cpu_us_each"] / each_us)
        wall.add(per_s / bare["rate"])
        memory.add(run["rss_peak_mib"] / SVIX_RSS_LOADED_MIB)
        cpu_us.add(each_us)
        rate.add(per_s)
    return [cpu, wall, memory, cpu_us, rate]


def latency(options):
    """The issue's figure: from the byte of the PBX to the request at the endpoint, 50 calls/s."""
    figures = [
        Figure("latency", "PBX byte → request, 50 calls/s, p50", None, 1, LESS, "ms"),
        Figure("latency", "PBX byte → request, 50 calls/s, p99", None, 10, LESS, "ms"),
    ]
    figures[1].note = "judge it on a quiet machine only"
    calls = 200 if options.quick else 400
    for _ in range(2 if options.quick else options.rounds):
        run = _complete(drive(calls, rate=50 * EVENTS_PER_CALL, log=True))
        took = sorted(run["latencies_us"])
        if len(took) < run["expected"] * 0.9:
            raise RuntimeError(f"only {len(took)} of {run['expected']} requests were recognised")
        figures[0].add(took[len(took) // 2] / 1000)
        figures[1].add(took[int(len(took) * 0.99)] / 1000)
    return figures


def _latencies(ami_log, sink_log):
    """From the due time of an event of the PBX to the arrival of what became of it."""
    due = {}
    for line in ami_log.read_text().splitlines():
        at, kind, number = line.split(" ", 2)
        due.setdefault((kind, number), int(at))
    took = []
    for line in sink_log.read_text().splitlines():
        at, body = line.split(" ", 1)
        kind = re.search(r'"type": "([^"]+)"', body)
        number = re.search(r'"from": "([^"]+)"', body)
        began = kind and number and due.get((kind[1], number[1]))
        if began:
            took.append(int(at) - began)
    return took


def _traced(calls, rate, inject=None):
    """Runs the chain under strace; gives the run and how often the disk was synced."""
    report = CACHE / "strace.out"
    report.unlink(missing_ok=True)
    wrapper = ["strace", "-f", "--seccomp-bpf", "-e", "trace=fsync,fdatasync", "-o", report]
    wrapper += ["-e", f"inject=fsync,fdatasync:{inject}"] if inject else []
    run = drive(calls, wrapper=wrapper, rate=rate)
    return run, len(re.findall(r"(?:fsync|fdatasync)\(", report.read_text()))


def syncs(options):
    """Goal 9: fsync calls per delivery, exact."""
    if not shutil.which("strace"):
        return [missing(9, "strace is not installed (apt-get install strace)")]
    slow = Figure(9, "fsync per delivery at 50 deliveries/s", 1.2, 1.05, LESS)
    fast = Figure(9, "fsync per delivery at full speed", 0.15, 0.1, LESS)
    idle = Figure(9, "fsync of a start and stop without calls", better=LESS)
    calls = 60 if options.quick else 150
    with Server("amiserve") as ami:
        none = _syncs_of_start(ami.port)
    idle.add(none)
    run, count = _traced(calls, rate=50 * EVENTS_PER_CALL / 3.75)
    slow.add((count - none) / _complete(run)["expected"])
    run, count = _traced(CALLS_QUICK, rate=0)
    fast.add((count - none) / _complete(run)["expected"])
    return [slow, fast, idle]


def _syncs_of_start(ami_port):
    """fsync calls of a hub that starts, connects and stops."""
    report = CACHE / "strace.out"
    report.unlink(missing_ok=True)
    wrapper = ["strace", "-f", "--seccomp-bpf", "-e", "trace=fsync,fdatasync", "-o", report]
    with Hub(wrapper=wrapper) as hub:
        hub.configure(ami_port, 9).start()
        time.sleep(1.5)
        hub.stop()
    return len(re.findall(r"(?:fsync|fdatasync)\(", report.read_text()))


def stalled_store(options):
    """Goal 14: the disk does not answer for 5 s, at full line speed: nothing may be lost."""
    if not shutil.which("strace"):
        return [missing(14, "strace is not installed (apt-get install strace)")]
    lost = Figure(14, "events lost, the disk stalled for 5 s at full line speed", 0, 0, LESS)
    grown = Figure(14, "RSS at most meanwhile, beyond that without a stall", 128, 64, LESS, "MiB")
    calls = CALLS_QUICK if options.quick else CALLS
    # The 60th sync comes when the stream is well under way.
    stalled, _ = _traced(calls, rate=0, inject="delay_enter=5000000:when=60")
    plain, _ = _traced(calls, rate=0)
    if stalled["wall_s"] < plain["wall_s"] + 3:
        raise RuntimeError("the stall did not happen while the stream was under way")
    lost.add(stalled["expected"] - stalled["seen"]["distinct"])
    grown.add(max(0.0, stalled["rss_peak_mib"] - plain["rss_peak_mib"]))
    return [lost, grown]


def calls_in_progress(options):
    """The issue's figure: memory with ten thousand calls in progress."""
    figure = Figure("memory", "RSS with 10,000 calls in progress", None, 150, LESS, "MB")
    path, facts = stream(10_000, 10_000, until_answered=True)
    for _ in range(1 if options.quick else 2):
        with (
            Server("sink") as sink,
            Server("amiserve", "--file", path) as ami,
            Hub() as hub,
        ):
            hub.configure(ami.port, sink.port).start()
            seen = await_deliveries(sink.port, facts["deliveries"])
            if seen["distinct"] != facts["deliveries"]:
                raise RuntimeError(f"{seen['distinct']} of {facts['deliveries']} arrived")
            time.sleep(2)
            figure.add(machine.rss_mib(hub.pid) * 1.048576)
    return [figure]


def postgres(options):
    """Goal 23, our side: deliveries/s over PostgreSQL ÷ over SQLite, in turn."""
    figure = Figure(23, "deliveries/s over PostgreSQL ÷ over SQLite", 0.25, 0.40)
    # Where its unprivileged user may go, on a disk and not in memory.
    home = pathlib.Path(tempfile.mkdtemp(prefix="hookswitch-bench-", dir="/var/tmp"))
    folder = home / "postgres"
    try:
        url = _postgres("start", folder, "durable")
    except (OSError, subprocess.CalledProcessError) as error:
        shutil.rmtree(home, ignore_errors=True)
        return [missing(23, f"no PostgreSQL of our own: {error}")]
    try:
        for round_ in range(options.rounds):
            name = f"bench_{os.getpid()}_{round_}"
            subprocess.run(["psql", "-q", url, "-c", f"CREATE DATABASE {name}"], check=True)
            database = re.sub(r"/[^/?]*(\?|$)", rf"/{name}\1", url, count=1)
            rates = []
            for storage in (database, None):
                run = _complete(drive(CALLS_QUICK, storage=storage))
                rates.append(run["expected"] / run["wall_s"])
            figure.add(rates[0] / rates[1])
    finally:
        _postgres("stop", folder)
        shutil.rmtree(home, ignore_errors=True)
    return [figure]


def _postgres(what, folder, *how):
    command = [str(ROOT / "scripts" / "postgres"), what, str(folder), *how]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return (done.stdout.splitlines() or [""])[-1]


def missing(goal, why):
    """A figure that could not be taken here, and why."""
    figure = Figure(goal, why)
    figure.note = why
    return figure
