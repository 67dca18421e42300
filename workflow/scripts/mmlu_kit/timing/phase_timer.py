"""Where a process's time goes: from its start to its end, each moment belongs to exactly one phase."""

import os
import re
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
from pydantic import Field

from mmlu_kit.data import Data, Seconds

# Phases of a process's start, and of each subject.
START = ("startup", "load")
SUBJECT = ("tokenize", "forward", "parse", "write", "other")
PHASES = START + SUBJECT


class StartPhases(Data):
    """The phases of a process's start."""

    startup_s: Seconds = Field(description="From the process's beginning to loading: the interpreter, imports. Once a process.")
    load_s: Seconds = Field(description="Loading tokenizer and model, quantizing. Once a process.")


class SubjectPhases(Data):
    """The phases of a subject; the five add up to `real_s`."""

    tokenize_s: Seconds = Field(description="Rendering prompts and encoding them.")
    forward_s: Seconds = Field(description="Forward passes, as long as the program waited for them.")
    parse_s: Seconds = Field(description="Making probabilities, letters and records from the model's output.")
    write_s: Seconds = Field(description="Writing the journal and the evaluation file.")
    other_s: Seconds = Field(description="All else: progress, printing, reading the journal.")
    real_s: Seconds = Field(
        description="The subject's five phases together; with startup_s and load_s, the whole process's real time."
    )
    cpu_user_s: Seconds
    cpu_system_s: Seconds
    gpu_s: Seconds | None = Field(description="Forward passes between CUDA events, on the device's own clock.")


class PhaseTimer:
    """The seconds of each phase since the process began; the process begins in 'startup'.

    With `watch_gpu`, forward passes are also timed by two CUDA events each, on the device's own clock.
    """

    def __init__(self) -> None:
        age = process_age_s()
        self.process_started = now(timedelta(seconds=-age))
        self.current = "startup"
        self.since = time.perf_counter() - age
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.cpu = os.times()
        self.cuda: Any = None
        self.gpu_s = 0.0

    def watch_gpu(self, cuda: Any) -> None:
        """From now on time forward passes on the GPU too; `cuda` is the module torch.cuda."""
        self.cuda = cuda

    def switch(self, phase: str) -> None:
        """End the current phase and begin `phase`."""
        now = time.perf_counter()
        self.seconds[self.current] += now - self.since
        self.current, self.since = phase, now

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a block as `name`, then return to the phase before."""
        before = self.current
        self.switch(name)
        began = self._event() if self.cuda and name == "forward" else None
        try:
            yield
        finally:
            if began:
                end = self._event()
                # The device computes asynchronously, so wait for the work of this phase.
                end.synchronize()
                self.gpu_s += began.elapsed_time(end) / 1000
            self.switch(before)

    def end_start(self) -> StartPhases:
        """The phases of the process's start; a subject begins now, in 'other'."""
        seconds = self._taken(START)
        self._reset()
        return StartPhases(**{f"{phase}_s": seconds[phase] for phase in START})

    def end_subject(self) -> SubjectPhases:
        """The phases of the subject that ends now; the next one begins, in 'other'."""
        seconds = self._taken(SUBJECT)
        cpu = os.times()
        phases = SubjectPhases(
            **{f"{phase}_s": seconds[phase] for phase in SUBJECT},
            real_s=round(sum(self.seconds.values()), 4),
            cpu_user_s=round(cpu.user - self.cpu.user, 4),
            cpu_system_s=round(cpu.system - self.cpu.system, 4),
            gpu_s=round(self.gpu_s, 4) if self.cuda else None,
        )
        self._reset()
        return phases

    def _taken(self, phases: tuple[str, ...]) -> dict[str, float]:
        """Seconds of each of `phases`; time in another phase is a bug of the kit."""
        self.switch("other")
        surplus = set(self.seconds) - set(phases)
        assert not surplus, f"time was spent in {surplus}, and only {phases} can be here"
        return {phase: round(self.seconds[phase], 4) for phase in phases}

    def _reset(self) -> None:
        self.seconds.clear()
        self.cpu, self.gpu_s = os.times(), 0.0

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
        return 1024 * max(map(int, re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.M)))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in bytes on macOS
