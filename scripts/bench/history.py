"""A million stored calls: the pages of the history with every filter."""

import contextlib
import json
import shutil

from delivery import missing
from product import Hub
from programs import CACHE, EXAMPLES, PRODUCT, ask, run_json
from table import LESS, Figure

EXAMPLE = EXAMPLES / "fill"
# Requests of each filter, each with another value.
REQUESTS = 200


@contextlib.contextmanager
def hub(calls, open_deliveries=0):
    """A hub, not started, over a database with so many calls. The database is made once for each
    build of the product, then copied."""
    folder = CACHE / f"history-{calls}-{open_deliveries}"
    stamp = f"{PRODUCT.stat().st_mtime_ns} {EXAMPLE.stat().st_mtime_ns}"
    made = folder / "made-by"
    if not made.exists() or made.read_text() != stamp:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with Hub(data=folder) as it:
            if open_deliveries:
                # Nobody listens there: what is open stays so.
                it.configure(sink_port=9)
        command = [EXAMPLE, "--data-dir", folder, "--calls", calls]
        run_json([*command, "--open-deliveries", open_deliveries], limit_s=900)
        made.write_text(stamp)
    with Hub(data=folder) as it:
        yield it


# Value `n` of each filter of the contract, as `fill` spreads them over the calls.
FILTERS = {
    "none": lambda n, _: "",
    "from": lambda n, _: f"from=%2B4915{n * 7919 % 100_000_000:08}",
    "to": lambda n, _: f"to=%2B4930{n % 100:07}",
    "pbx": lambda n, facts: f"pbx={facts['pbx']}",
    "user": lambda n, _: f"user=user{n % 500}%40example.com",
    "extension": lambda n, _: f"extension={2000 + n % 500}",
    "number": lambda n, _: f"number=%2B4915{n * 7919 % 100_000_000:08}",
    "direction": lambda n, _: f"direction={('inbound', 'outbound', 'internal')[n % 3]}",
    "outcome": lambda n, _: f"outcome={('answered', 'missed', 'busy', 'failed', 'voicemail')[n % 5]}",
    "started_after": lambda n, facts: f"started_after={facts['times'][n % len(facts['times'])]}",
    "started_before": lambda n, facts: f"started_before={facts['times'][n % len(facts['times'])]}",
    "q (a name)": lambda n, _: f"q=Mustermann%20{n % 1000}",
    "q (digits)": lambda n, _: f"q={n * 7919 % 1_000_000:06}",
    "q (nothing)": lambda n, _: f"q=nobody{n}",
    "rare outcome of one extension": lambda n, _: f"outcome=failed&extension={2000 + n % 500}",
    "a number in a week": lambda n, facts: f"number=%2B4915{n * 7919 % 100_000_000:08}"
    f"&started_after={facts['times'][n % 50]}&started_before={facts['times'][n % 50 + 1]}",
}


def pages(options):
    """The issue's figure: a page of the history, any filter, p99."""
    if not EXAMPLE.exists():
        return [missing("history", "crates/store/examples/fill.rs is not there")]
    worst = Figure("history", f"p99 of the slowest filter, {options.history_calls:,} calls")
    worst.target, worst.better, worst.unit = 50, LESS, "ms"
    figures = {name: Figure("history", f"filter: {name}, p99") for name in FILTERS}
    for it in figures.values():
        it.better, it.unit = LESS, "ms"
    with hub(calls=options.history_calls) as running:
        facts = json.loads((running.data / "fill.json").read_text())
        running.start()
        for round_ in range(2 if options.quick else 3):
            slowest = 0
            for name, make in FILTERS.items():
                p99 = _p99_ms(running, [make(n + round_ * REQUESTS, facts) for n in range(REQUESTS)])
                figures[name].add(p99)
                slowest = max(slowest, p99)
            worst.add(slowest)
    return [worst, *figures.values()]


def _p99_ms(running, queries):
    """Asks each once, one after the other."""
    paths = CACHE / "paths"
    paths.write_text("".join(f"/api/v1/calls?limit=50&{it}\n" for it in queries))
    header = f"authorization: Bearer {running.key}"
    command = ["--port", running.port, "--paths", paths, "--requests", len(queries)]
    took = ask("httpget", *command, "--secs", 120, "--header", header)
    return took["p99_us"] / 1000
