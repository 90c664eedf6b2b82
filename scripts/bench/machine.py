"""What the machine and its processes have used, from the kernel's own accounting."""

import os
import time

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_s(pid):
    """CPU seconds of a process, user and system, all threads."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def _status_kib(pid, key):
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith(key + ":"):
                return int(line.split()[1])
    return 0


def rss_mib(pid):
    """Resident memory now."""
    return _status_kib(pid, "VmRSS") / 1024


def rss_peak_mib(pid):
    """The most resident memory since the last `reset_peak`."""
    return _status_kib(pid, "VmHWM") / 1024


def reset_peak(pid):
    """Starts a new peak of resident memory."""
    with open(f"/proc/{pid}/clear_refs", "w") as file:
        file.write("5")


def load():
    """Load average of the last minute."""
    return os.getloadavg()[0]


def description():
    """One line about the machine."""
    model = "unknown CPU"
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{os.cpu_count()} × {model}, Linux {os.uname().release}"


def wait_until(what, condition, limit_s=30.0, step_s=0.002):
    """Asks `condition` until it gives something true, and gives that."""
    end = time.monotonic() + limit_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {limit_s:g} s")
        time.sleep(step_s)
