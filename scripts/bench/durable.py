"""What the store costs beside the disk and beside the least outbox (goals 10 and 11)."""

import json
import os
import subprocess

from delivery import missing
from programs import CACHE, EXAMPLES, ask
from table import LESS, Figure

EXAMPLE = EXAMPLES / "measure"
# A file system in memory, where a sync costs nothing: as good as SQLite's synchronous=OFF.
FREE_DIR = "/dev/shm"


def commits(options):
    """Goals 10 and 11: one event per transaction, and a thousand."""
    if not EXAMPLE.exists():
        return [missing("10/11", "the example `measure` of the crate `store` is not built")]
    single = Figure(10, "commit of one event ÷ overwrite + fdatasync (means)", 1.8, 1.4, LESS)
    least_single = Figure(10, "the same for the least outbox", better=LESS)
    sync = Figure(11, "events/s, synced ÷ not synced, 1000 per transaction", 0.25, 0.5)
    cpu = Figure(11, "CPU per event ÷ the least outbox's", 2.5, 1.7, LESS)
    secs = 1.5 if options.quick else 3
    for _ in range(options.rounds):
        least = ask("interleave", "--dir", CACHE, "--secs", secs)
        bare = ask("sqlite", "--dir", CACHE, "--secs", secs)
        ours = _measure(secs)
        single.add(ours["commit_over_overwrite"])
        least_single.add(least["commit"]["mean_us"] / least["overwrite"]["mean_us"])
        cpu.add(ours["cpu_us_per_row"] / bare["cpu_us_per_row"])
        if "full_over_off" in ours:
            sync.add(ours["full_over_off"])
    return [single, least_single, sync, cpu]


def _measure(secs):
    """Everything that the store's own measurement prints, the figures of the synced run first."""
    command = [str(EXAMPLE), "commit", "--dir", str(CACHE), "--secs", str(secs)]
    if os.path.isdir(FREE_DIR):
        command += ["--free-dir", FREE_DIR]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found = {}
    for line in done.stdout.splitlines():
        for key, value in json.loads(line).items():
            found.setdefault(key, value)
    return found
