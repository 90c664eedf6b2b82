"""Builds the product and the reference programs, and runs the latter."""

import json
import os
import pathlib
import subprocess

from machine import cpu_s, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
PRODUCT = pathlib.Path(os.environ.get("PRODUCT", TARGET / "release" / "hookswitch"))
EXAMPLES = TARGET / "release" / "examples"
REFERENCE = TARGET / "reference"
# What takes long to make and is the same each time: streams, databases.
CACHE = TARGET / "bench"


def build():
    """Builds everything in release; nothing when `PRODUCT` names a program to be measured."""
    CACHE.mkdir(parents=True, exist_ok=True)
    if "PRODUCT" in os.environ:
        return
    print("building the product and the reference programs (release) …", flush=True)
    subprocess.run(["cargo", "build", "--release", "--locked", "-p", "hub"], cwd=ROOT, check=True)
    packages = ["-p", "store", "-p", "pbx"]
    command = ["cargo", "build", "--release", "--locked", "--examples", *packages]
    subprocess.run(command, cwd=ROOT, check=True)
    subprocess.run(
        ["cargo", "build", "--release", "--locked", "--target-dir", REFERENCE],
        cwd=ROOT / "benches" / "reference",
        check=True,
    )


def reference(name):
    """Path of a reference program."""
    return REFERENCE / "release" / name


def run_json(command, limit_s=300):
    """Runs a program that prints one JSON object; gives it."""
    done = subprocess.run(
        [str(it) for it in command], stdout=subprocess.PIPE, text=True, timeout=limit_s, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def ask(name, *arguments, limit_s=300):
    """Runs a reference program to its end; gives what it printed."""
    return run_json([reference(name), *arguments], limit_s)


class Server:
    """A reference program that listens, until the `with` block ends."""

    def __init__(self, name, *arguments, ports=1):
        self._log = open(CACHE / f"{name}-{id(self):x}.log", "w+")
        command = [str(it) for it in (reference(name), *arguments)]
        self._process = subprocess.Popen(command, stdout=self._log, stderr=subprocess.STDOUT)
        self.pid = self._process.pid
        self.ports = wait_until(f"{name} listens", lambda: self._ports(ports))
        self.port = self.ports[0]

    def lines(self):
        """What it has printed so far."""
        self._log.seek(0)
        return self._log.read().splitlines()

    def _ports(self, count):
        if self._process.poll() is not None:
            raise RuntimeError(f"{self._process.args[0]} ended: {self.lines()}")
        found = [int(it.split()[1]) for it in self.lines() if it.startswith("listening ")]
        return found if len(found) >= count else None

    def said(self, word):
        """The number behind a line that begins with `word`, once it is there."""
        for line in self.lines():
            if line.startswith(word):
                return int(line.split()[-1])
        return None

    def cpu_s(self):
        """CPU seconds so far."""
        return cpu_s(self.pid)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait()
        name = self._log.name
        self._log.close()
        os.unlink(name)


def stream(calls, in_flight=50, until_answered=False):
    """An AMI stream in a file, made once; gives its path and what it holds."""
    kind = "open" if until_answered else "whole"
    path = CACHE / f"{kind}-{calls}-{in_flight}.ami"
    facts = path.with_suffix(".json")
    if not facts.exists():
        flags = ["--until-answered"] if until_answered else []
        made = ask("amigen", "--out", path, "--calls", calls, "--in-flight", in_flight, *flags)
        # Started, ringing, answered, ended.
        ended = 0 if until_answered else calls
        made["deliveries"] = 2 * calls + made["answered"] + ended
        facts.write_text(json.dumps(made))
    return path, json.loads(facts.read_text())
