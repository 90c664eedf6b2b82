"""AMI bytes to Calls, without store and network (goal 12, and memory over ten million events)."""

import re
import shutil
import subprocess

from delivery import missing
from programs import EXAMPLES, Server, ask, reference, run_json, stream
from table import LESS, Figure

EXAMPLE = EXAMPLES / "ami_throughput"


def cpu(options):
    """Goal 12: AMI events per CPU second, beside the least that must be done."""
    if not EXAMPLE.exists():
        return [missing(12, "crates/pbx/examples/ami_throughput.rs is not there")]
    ratio = Figure(12, "AMI events per CPU s, to events of calls ÷ bare call table", 0.25, 0.40)
    rate = Figure(12, "AMI events per CPU s")
    path, _ = stream(6_000 if options.quick else 14_137)
    for _ in range(options.rounds):
        with Server("amiserve", "--file", path) as ami:
            bare = ask("amiparse", "--port", ami.port)
            ours = run_json(_example(ami))
        ratio.add(ours["events_per_cpu_s"] / bare["events_per_cpu_s"])
        rate.add(ours["events_per_cpu_s"])
    return [ratio, rate, _instructions()]


def _example(ami, times=1):
    """The command that reads the stream so many times."""
    return [EXAMPLE, "--kind", "asterisk", "--port", ami.port, "--times", times]


def _instructions():
    """Instructions per AMI event under callgrind: exact, whatever else the machine does."""
    if not shutil.which("valgrind"):
        return missing(12, "valgrind is not installed (apt-get install valgrind)")
    figure = Figure(12, "instructions per AMI event (callgrind)", 20_000, 12_000, LESS)
    ours, bare = [], []
    # The difference of two runs leaves out what starting costs.
    for path, facts in (stream(50), stream(250)):
        with Server("amiserve", "--file", path) as ami:
            ours.append((_callgrind(_example(ami)), facts["events"]))
        bare.append((_callgrind([reference("amiparse"), "--file", path]), facts["events"]))
    figure.add(_slope(ours))
    figure.note = f"the bare call table takes {_slope(bare):,.0f}"
    return figure


def _slope(points):
    (low, few), (high, many) = points
    return (high - low) / (many - few)


def _callgrind(command):
    """Instructions of a whole run."""
    tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    done = subprocess.run([*tool, *map(str, command)], capture_output=True, text=True, check=True)
    return int(re.search(r"Collected : (\d+)", done.stderr)[1])


def memory(options):
    """The issue's figure: memory over ten million events stays flat."""
    if not EXAMPLE.exists():
        return [missing("memory", "crates/pbx/examples/ami_throughput.rs is not there")]
    millions = 1 if options.quick else 10
    what = f"RSS after {millions} million AMI events ÷ after a tenth of them"
    figure = Figure("memory", what, None, 1.02, LESS)
    path, facts = stream(4_500 if options.quick else 14_137)
    times = round(millions * 1e6 / facts["events"])
    with Server("amiserve", "--file", path) as ami:
        early = run_json(_example(ami, max(1, times // 10)))
        late = run_json(_example(ami, times), limit_s=900)
    figure.add(late["rss_kib"] / early["rss_kib"])
    figure.note = f"{early['rss_kib']} KiB and {late['rss_kib']} KiB, {late['frames']:,} frames"
    return [figure]
