"""Starting, sitting idle, and the size of the program (goals 20, 21, 22)."""

import shutil
import subprocess
import tempfile
import time

import history
import machine
from product import Hub
from programs import CACHE, PRODUCT
from table import LESS, Figure

# svix-server 1.100 on a machine of this class; it is not built again here.
SVIX_READY_MS, SVIX_RSS_IDLE_MB, SVIX_BINARY_MB = 52.0, 39.4, 42.8


def starts(hub, count):
    """Seconds from start to ready of `count` starts, without the first, which reads from disk."""
    took = []
    for _ in range(count + 1):
        took.append(hub.start())
        hub.stop()
    return took[1:]


def empty(options):
    """Goals 20 (idle) and the issue's figure for an empty start."""
    ready = Figure("start", "start of serve to ready, no data", None, 100, LESS, "ms")
    idle = Figure("memory", "RSS idle", None, 20, LESS, "MB")
    ratio = Figure(20, "RSS idle ÷ svix-server's (fixed: 39.4 MB)", 0.75, 0.5, LESS)
    with Hub() as hub:
        for seconds in starts(hub, options.rounds):
            ready.add(seconds * 1000)
        for _ in range(options.rounds):
            hub.start()
            time.sleep(2)
            megabytes = machine.rss_mib(hub.pid) * 1.048576
            idle.add(megabytes)
            ratio.add(megabytes / SVIX_RSS_IDLE_MB)
            hub.stop()
    return [ready, idle, ratio]


def with_data(options):
    """Goal 21, and the issue's figure for a million stored calls."""
    what = "ready after start, 100k events and 1k open deliveries ÷ svix (fixed: 52 ms)"
    warm = Figure(21, what, 2, 1, LESS)
    million = Figure("start", "start of serve to ready, a million calls", None, 1000, LESS, "ms")
    # Two events each.
    with history.hub(calls=50_000, open_deliveries=1_000) as hub:
        for seconds in starts(hub, options.rounds):
            warm.add(seconds * 1000 / SVIX_READY_MS)
    with history.hub(calls=options.history_calls) as hub:
        for seconds in starts(hub, options.rounds):
            million.add(seconds * 1000)
    return [warm, million]


def binary(_options):
    """Goal 22: the stripped binary."""
    figure = Figure(22, "stripped binary ÷ svix-server's (fixed: 42.8 MB)", 0.8, 0.5, LESS)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        copy = shutil.copy(PRODUCT, folder)
        subprocess.run(["strip", copy], check=True)
        with open(copy, "rb") as file:
            megabytes = file.seek(0, 2) / 1e6
    figure.add(megabytes / SVIX_BINARY_MB)
    figure.note = f"{megabytes:.1f} MB"
    return [figure]
