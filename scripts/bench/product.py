"""The product as its users run it: the binary `hookswitch` over a folder of data."""

import http.client
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

import machine
from programs import CACHE, PRODUCT

# What each request carries: about 500 bytes, most names of the Call among them.
BODY = (
    '{"id": {{ event.id | json }}, "type": {{ event.type | json }}, '
    '"sequence": {{ event.sequence }}, "time": {{ event.time | json }}, '
    '"call": {"id": {{ call.id | json }}, "pbx": {{ call.pbx | json }}, '
    '"direction": {{ call.direction | json }}, "state": {{ call.state | json }}, '
    '"outcome": {{ call.outcome | json }}, "from": {{ call.from.number | json }}, '
    '"name": {{ call.from.name | json }}, "to": {{ call.to.number | json }}, '
    '"extension": {{ call.extension | json }}, "queue": {{ call.queue | json }}, '
    '"answered_by": {{ call.answered_by | json }}, '
    '"started_at": {{ call.started_at | json }}, "answered_at": {{ call.answered_at | json }}, '
    '"ended_at": {{ call.ended_at | json }}, "talk_seconds": {{ call.talk_seconds }}}}'
)


class Hub:
    """One hub over a folder of its own, which is removed in the end unless it is given."""

    def __init__(self, storage=None, data=None, wrapper=()):
        self._home = pathlib.Path(tempfile.mkdtemp(prefix="hub-", dir=CACHE))
        self.data = pathlib.Path(data) if data else self._home / "data"
        self.data.mkdir(exist_ok=True)
        self.port = _free_port()
        self._wrapper = [str(it) for it in wrapper]
        self._process = None
        storage = f'[storage]\nurl = "{storage}"\n' if storage else ""
        self._config = self._home / "hookswitch.toml"
        self._config.write_text(
            f'[server]\nlisten = "127.0.0.1:{self.port}"\n{storage}'
            '[delivery]\nallow_networks = ["127.0.0.0/8"]\n[log]\nlevel = "warn"\n'
        )
        self.key = self.run("key", "add", "--name", f"bench-{time.time_ns()}", "--scope", "admin")

    def _command(self, *arguments):
        places = ["--config", str(self._config), "--data-dir", str(self.data)]
        return [str(PRODUCT), *arguments, *places]

    def run(self, *arguments):
        """Another command of the program over the same data; gives what it printed."""
        done = subprocess.run(self._command(*arguments), capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"hookswitch {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def configure(self, ami_port=None, sink_port=None):
        """One phone system at `ami_port` and one endpoint at `sink_port`, which gets all events of
        calls."""
        text = ""
        if ami_port:
            text += (
                '[[pbx]]\nname = "bench"\nkind = "asterisk"\nhost = "127.0.0.1"\n'
                f'port = {ami_port}\nusername = "bench"\nsecret = "bench"\ncountry = "DE"\n'
            )
        if sink_port:
            events = ["call.started", "call.ringing", "call.answered", "call.ended"]
            text += (
                f'[[integration]]\nname = "sink"\nkind = "http"\nevents = {json.dumps(events)}\n'
                f'method = "POST"\nurl = "http://127.0.0.1:{sink_port}/hook"\n'
                f'headers = "Content-Type: application/json"\nbody = {json.dumps(BODY)}\n'
            )
        file = self._home / "apply.toml"
        file.write_text(text)
        self.run("apply", str(file))
        return self

    def start(self):
        """Starts `serve`; gives the seconds until it was ready."""
        log = open(self._home / "hub.log", "a")
        began = time.monotonic()
        command = [*self._wrapper, *self._command("serve")]
        self._process = subprocess.Popen(command, stdout=log, stderr=log)
        log.close()
        try:
            machine.wait_until("the hub is ready", self._ready, step_s=0.001)
        except (TimeoutError, RuntimeError) as error:
            raise RuntimeError(f"{error}\n{self.log()[-2000:]}") from None
        return time.monotonic() - began

    def _ready(self):
        if self._process.poll() is not None:
            raise RuntimeError(f"the hub ended with {self._process.returncode}")
        try:
            return self.get("/readyz")[0] == 200
        except OSError:
            return False

    @property
    def pid(self):
        """The process that serves, not the one that watches it."""
        pid = self._process.pid
        if self._wrapper:
            with open(f"/proc/{pid}/task/{pid}/children") as file:
                pid = int(file.read().split()[0])
        return pid

    def get(self, path):
        """Status and body of an authenticated GET."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {self.key}"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def get_json(self, path):
        """The JSON object behind a path."""
        status, body = self.get(path)
        if status != 200:
            raise RuntimeError(f"GET {path}: {status} {body[:300]}")
        return json.loads(body)

    def cpu_s(self):
        """CPU seconds so far."""
        return machine.cpu_s(self.pid)

    def log(self):
        """What it wrote so far."""
        path = self._home / "hub.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def stop(self):
        """SIGTERM, then waits."""
        if self._process and self._process.poll() is None:
            os.kill(self.pid, 15)
            self._process.wait(timeout=30)
        self._process = None

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self._process and self._process.poll() is None:
            os.kill(self.pid, 9)
            self._process.wait()
        if kind:
            print(f"--- the hub's log ends ---\n{self.log()[-3000:]}\n---", flush=True)
        shutil.rmtree(self._home, ignore_errors=True)


def stats(sink_port, path="/stats"):
    """What the sink has seen; other paths: `/reset`, `/flush`."""
    connection = http.client.HTTPConnection("127.0.0.1", sink_port, timeout=30)
    connection.request("GET", path)
    text = connection.getresponse().read()
    connection.close()
    return json.loads(text) if text else None


def await_deliveries(sink_port, expected, limit_s=120):
    """Waits until the sink has `expected` distinct deliveries; gives its stats, whether or not."""
    end = time.monotonic() + limit_s
    seen, last, since = None, -1, time.monotonic()
    while time.monotonic() < end:
        seen = stats(sink_port)
        if seen["distinct"] >= expected:
            break
        if seen["distinct"] != last:
            last, since = seen["distinct"], time.monotonic()
        if time.monotonic() - since > 15:
            break
        time.sleep(0.05)
    return seen


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
