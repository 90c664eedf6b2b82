"""What the store costs beside the disk and beside the least outbox (goals 10 and 11)."""

from delivery import missing
from programs import CACHE, EXAMPLES, ask, run_json
from table import LESS, Figure

EXAMPLE = EXAMPLES / "store_bench"


def commit(options):
    """Goal 10: a transaction of one event ÷ overwrite and fdatasync, in turn in one process."""
    if not EXAMPLE.exists():
        return [missing(10, "crates/store/examples/store_bench.rs is not there")]
    figure = Figure(10, "commit of one event ÷ overwrite + fdatasync (means)", 1.8, 1.4, LESS)
    bare = Figure(10, "the same for the least outbox", better=LESS)
    for _ in range(options.rounds):
        secs = 1.5 if options.quick else 3
        least = ask("interleave", "--dir", CACHE, "--secs", secs)
        bare.add(least["commit"]["mean_us"] / least["overwrite"]["mean_us"])
        ours = run_json([EXAMPLE, "commit", "--dir", CACHE, "--secs", secs])
        figure.add(ours["commit_mean_us"] / ours["overwrite_mean_us"])
    return [figure, bare]


def batches(options):
    """Goal 11: a thousand events per transaction."""
    if not EXAMPLE.exists():
        return [missing(11, "crates/store/examples/store_bench.rs is not there")]
    sync = Figure(11, "outbox rows/s, synchronous FULL ÷ OFF, 1000 per transaction", 0.25, 0.5)
    cpu = Figure(11, "CPU per row ÷ the least outbox's", 2.5, 1.7, LESS)
    secs = 1 if options.quick else 2
    for _ in range(options.rounds):
        least = ask("sqlite", "--dir", CACHE, "--secs", secs)
        full, off = (
            run_json([EXAMPLE, "batch", "--dir", CACHE, "--secs", secs, "--sync", it])
            for it in ("full", "off")
        )
        sync.add(full["rows_per_s"] / off["rows_per_s"])
        cpu.add(full["cpu_us_per_row"] / least["cpu_us_per_row"])
    return [sync, cpu]
