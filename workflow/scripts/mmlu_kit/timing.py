"""Times: measured inside the program by a Stopwatch, and around the whole process by /usr/bin/time (its logs are read here)."""

import os
import re
import resource
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .problems import Problem


@dataclass
class Stopwatch:
    """Real, CPU and GPU seconds since it was made; on CUDA, GPU seconds lie between two events on the device's own clock."""

    torch: Any
    device: str
    started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    real: float = field(default_factory=time.perf_counter)
    cpu: os.times_result = field(default_factory=os.times)
    event: Any = None

    def __post_init__(self) -> None:
        if self.device == "cuda":
            self.event = self._event()

    def read(self) -> dict:
        """`started, real_s, cpu_user_s, cpu_system_s, gpu_s` and, where gpu_s is null, its reason."""
        gpu_s = None
        if self.event is not None:
            end = self._event()
            end.synchronize()
            gpu_s = round(self.event.elapsed_time(end) / 1000, 4)
        cpu = os.times()
        return {
            "started": self.started,
            "real_s": round(time.perf_counter() - self.real, 4),
            "cpu_user_s": round(cpu.user - self.cpu.user, 4),
            "cpu_system_s": round(cpu.system - self.cpu.system, 4),
            "gpu_s": gpu_s,
            "reasons": {} if gpu_s is not None else {"gpu_s": f"the model runs on {self.device}"},
        }

    def _event(self) -> Any:
        event = self.torch.cuda.Event(enable_timing=True)
        event.record()
        return event


def peak_rss_bytes() -> int:
    """The largest resident memory of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # bytes on macOS, KiB elsewhere


_GNU = {
    "user_s": (r"User time \(seconds\): ([\d.]+)", float),
    "system_s": (r"System time \(seconds\): ([\d.]+)", float),
    "peak_rss_bytes": (r"Maximum resident set size \(kbytes\): (\d+)", lambda text: int(text) * 1024),
    "exit_status": (r"Exit status: (\d+)", int),
}
_BSD = {
    "real_s": (r"([\d.]+) real\b", float),
    "user_s": (r"([\d.]+) user\b", float),
    "system_s": (r"([\d.]+) sys\b", float),
    "peak_rss_bytes": (r"(\d+)\s+maximum resident set size", int),
}


def parse_time_log(text: str, where: str) -> dict:
    """What GNU `time -v` or BSD/macOS `time -l` wrote: `real_s, user_s, system_s, peak_rss_bytes, exit_status, signal`.

    A value that the log does not hold is null (BSD logs no exit status); a text that is neither form is a Problem.
    """
    values: dict[str, Any] = dict.fromkeys(("real_s", "user_s", "system_s", "peak_rss_bytes", "exit_status", "signal"))
    elapsed = re.search(r"Elapsed \(wall clock\) time \(h:mm:ss or m:ss\): ([\d:.]+)", text)
    for name, (pattern, convert) in (_GNU if elapsed else _BSD).items():
        match = re.search(pattern, text)
        values[name] = convert(match.group(1)) if match else None
    if elapsed:
        values["real_s"] = _seconds(elapsed.group(1))
        killed = re.search(r"Command terminated by signal (\d+)", text)
        values["signal"] = int(killed.group(1)) if killed else None
    if values["real_s"] is None or values["user_s"] is None:
        raise Problem(f"{where}: not a log of /usr/bin/time (GNU -v or BSD -l): delete it and run again")
    return values


def _seconds(clock: str) -> float:
    """'1:02:03' or '2:03.45' in seconds."""
    total = 0.0
    for part in clock.split(":"):
        total = total * 60 + float(part)
    return round(total, 2)
