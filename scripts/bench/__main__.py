"""`make bench`: puts the product beside reference programs and prints ratios.

Environment: `QUICK=1` takes fewer and shorter rounds; `GOALS="1 2 16"` takes only what belongs to
these goals (numbers, or `latency`, `memory`, `start`, `history`); `ROUNDS=n`; `PRODUCT=FILE` measures another build, and builds nothing.
"""

import argparse
import os
import resource
import subprocess
import sys
import time
import traceback

import delivery
import durable
import history
import machine
import parsing
import requests_cpu
import start
import streams
import table
from programs import CACHE, ROOT, build

# What is taken, in this order, and the goals that it is for.
SECTIONS = [
    ({"22"}, start.binary),
    ({"20", "start", "memory"}, start.empty),
    ({"10", "11"}, durable.commits),
    ({"12"}, parsing.cpu),
    ({"1", "2", "20"}, delivery.full_speed),
    ({"latency"}, delivery.latency),
    ({"9"}, delivery.syncs),
    ({"14"}, delivery.stalled_store),
    ({"memory"}, delivery.calls_in_progress),
    ({"16"}, requests_cpu.cheapest_route),
    ({"17", "18", "19"}, streams.idle_and_broadcast),
    ({"21", "start"}, start.with_data),
    ({"history"}, history.pages),
    ({"23"}, delivery.postgres),
    ({"memory"}, parsing.memory),
]
# Ten thousand clients on each side.
FILES_MAX = 12_000


def main():
    options = _options()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < FILES_MAX:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES_MAX, hard), hard))
    build()
    figures, failed = [], False
    began = time.monotonic()
    for goals, take in SECTIONS:
        if options.goals and not goals & options.goals:
            continue
        name = f"{take.__module__}.{take.__name__}"
        print(f"… {name}: goals {' '.join(sorted(goals))}", flush=True)
        try:
            taken = take(options)
        except Exception as error:  # One that fails must not cost the figures of the others.
            traceback.print_exc()
            taken, failed = [delivery.missing("/".join(sorted(goals)), f"{name}: {error}")], True
        figures += taken
        print(table.render(taken), flush=True)
    return _finish(figures, failed, time.monotonic() - began)


def _options():
    environment = os.environ.get
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("goals", nargs="*", help="only these goals")
    parser.add_argument("--quick", action="store_true", default=environment("QUICK") == "1")
    parser.add_argument("--rounds", type=int, default=int(environment("ROUNDS", "0")))
    options = parser.parse_args()
    options.goals = set(options.goals or environment("GOALS", "").split())
    options.rounds = options.rounds or (3 if options.quick else 5)
    options.history_calls = 100_000 if options.quick else 1_000_000
    return options


def _finish(figures, failed, seconds):
    revision = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ).stdout.strip()
    path = CACHE / time.strftime("%Y%m%d-%H%M%S.json")
    table.write(figures, path, revision)
    print(f"\n# Benchmarks of {revision} on {machine.description()}\n")
    print(table.render(figures))
    print(f"\ntaken in {seconds:.0f} s; written to {path.relative_to(ROOT)}")
    missed = [it.what for it in figures if it.verdict() == "MISSED"]
    if missed:
        print("below the floor: " + "; ".join(missed))
    return 1 if failed or missed else 0


if __name__ == "__main__":
    sys.exit(main())
