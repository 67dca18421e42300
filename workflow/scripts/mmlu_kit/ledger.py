"""Where a process's time goes: from its start to its end, each moment belongs to exactly one part."""

import os
import re
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil

# `startup` and `load` come once in a process, the others for each subject. `forward` is the model's computing, `parse` what
# is made of its output (probabilities, letters), `write` files and journal, `other` the rest: prompts' texts, progress.
ONCE = ("startup", "load")
PARTS = ("tokenize", "forward", "parse", "write", "other")


class Ledger:
    """The parts' seconds since the process began, taken out with `take`; the process begins in 'startup'.

    With `watch_gpu`, forward passes are also timed by two CUDA events each, on the device's own clock.
    """

    def __init__(self) -> None:
        age = process_age_s()
        self.process_started = now(timedelta(seconds=-age))
        self.current = "startup"
        self.since = time.perf_counter() - age
        self.seconds: Counter = Counter()
        self.cpu = os.times()
        self.cuda: Any = None
        self.gpu_s = 0.0

    def watch_gpu(self, cuda: Any) -> None:
        """From now on time forward passes on the GPU too; `cuda` is the module torch.cuda."""
        self.cuda = cuda

    def switch(self, part: str) -> None:
        """What comes now belongs to `part`."""
        now = time.perf_counter()
        self.seconds[self.current] += now - self.since
        self.current, self.since = part, now

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """What is done inside belongs to `name`, what comes after to the part that was before."""
        before = self.current
        self.switch(name)
        began = self._event() if self.cuda and name == "forward" else None
        try:
            yield
        finally:
            if began:
                end = self._event()
                # The device works behind the program's back: what it was given here is to be finished here.
                end.synchronize()
                self.gpu_s += began.elapsed_time(end) / 1000
            self.switch(before)

    def take(self, parts: tuple[str, ...]) -> dict[str, float | None]:
        """`<part>_s` of each of `parts`, their sum `real_s`, and `cpu_user_s, cpu_system_s, gpu_s` meanwhile (the last is
        None where no GPU is watched); counting begins anew in 'other'. Anything in another part is a bug of ours."""
        self.switch("other")
        assert set(self.seconds) <= set(parts), f"{set(self.seconds)} and not only {parts}"
        cpu = os.times()
        found: dict[str, float | None] = {f"{part}_s": round(self.seconds[part], 4) for part in parts}
        found["real_s"] = round(sum(self.seconds.values()), 4)
        found["cpu_user_s"] = round(cpu.user - self.cpu.user, 4)
        found["cpu_system_s"] = round(cpu.system - self.cpu.system, 4)
        found["gpu_s"] = round(self.gpu_s, 4) if self.cuda else None
        self.seconds.clear()
        self.cpu, self.gpu_s = cpu, 0.0
        return found

    def _event(self) -> Any:
        event = self.cuda.Event(enable_timing=True)
        event.record()
        return event


def now(later: timedelta = timedelta(0)) -> str:
    """The time of day, UTC, ISO 8601, to a second."""
    return (datetime.now(UTC) + later).isoformat(timespec="seconds")


def process_age_s() -> float:
    """Seconds since this process began, to a hundredth."""
    if sys.platform == "linux":
        # psutil counts from the boot's date in whole seconds; both numbers here are since the boot (proc(5), field 22).
        fields = Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK"))
    return max(0.0, time.time() - psutil.Process().create_time())


def peak_rss_bytes() -> int:
    """The largest resident memory of this process so far."""
    if sys.platform == "linux":
        # getrusage would also count what the process was before it became this program: a copy of its parent.
        status = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace")
        return int(re.search(r"^VmHWM:\s+(\d+) kB$", status, re.M).group(1)) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in bytes on macOS
