"""How a process spends its time: from start to end, each moment belongs to exactly one phase."""

import math
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
from typing import Any, Self

import psutil
from pydantic import Field, model_validator

from mmlu_kit.data import Data, Seconds
from mmlu_kit.timing import limits

# Phases of a process's start, and of each subject.
START = ("startup", "load")
SUBJECT = ("tokenize", "forward", "parse", "write", "other")
PHASES = START + SUBJECT


class StartPhases(Data):
    """The phases of a process's start."""

    startup_s: Seconds = Field(
        description="From the process's start to loading: the interpreter and imports. Once per process."
    )
    load_s: Seconds = Field(description="Loading the tokenizer and the model, quantizing. Once per process.")


class SubjectPhases(Data):
    """The phases of a subject; the five add up to `real_s`."""

    tokenize_s: Seconds = Field(description="Rendering and encoding prompts.")
    forward_s: Seconds = Field(description="Forward passes: how long the program waited for them.")
    parse_s: Seconds = Field(description="Turning the model's output into probabilities, letters and records.")
    write_s: Seconds = Field(description="Writing the journal and the evaluation file.")
    other_s: Seconds = Field(description="Everything else: progress, printing, reading the journal.")
    real_s: Seconds = Field(
        description="The sum of the subject's five phases; startup_s and load_s complete the real time of the whole process."
    )
    cpu_user_s: Seconds
    cpu_system_s: Seconds
    gpu_s: Seconds | None = Field(description="Forward passes measured on the GPU's own clock, between CUDA events.")

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        total = sum(getattr(self, f"{phase}_s") for phase in SUBJECT)
        if not math.isclose(total, self.real_s, rel_tol=1e-9, abs_tol=0.001):  # each is rounded to 0.1 ms
            raise ValueError(f"real_s is {self.real_s}, but its phases add up to {round(total, 4)}")
        limits.check_gpu(self.gpu_s, self.forward_s)
        return self


class PhaseTimer:
    """Measures the seconds of each phase since the process started; the first phase is 'startup'.

    After `watch_gpu`, forward passes are also timed on the GPU's own clock, by a pair of CUDA events each.
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
        """From now on also time forward passes on the GPU; `cuda` is the module torch.cuda."""
        self.cuda = cuda

    def switch(self, phase: str) -> None:
        """End the current phase and begin `phase`."""
        now = time.perf_counter()
        self.seconds[self.current] += now - self.since
        self.current, self.since = phase, now

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a block as phase `name`, then return to the previous phase."""
        previous = self.current
        self.switch(name)
        start = self._event() if self.cuda and name == "forward" else None
        try:
            yield
        finally:
            if start:
                end = self._event()
                # The GPU computes asynchronously, so wait until it has finished this phase.
                end.synchronize()
                self.gpu_s += start.elapsed_time(end) / 1000
            self.switch(previous)

    def end_start(self) -> StartPhases:
        """Return the phases of the process's start; a subject starts now, in phase 'other'."""
        seconds = self._elapsed(START)
        self._reset()
        return StartPhases(**{f"{phase}_s": seconds[phase] for phase in START})

    def end_subject(self) -> SubjectPhases:
        """Return the phases of the subject that ends now; the next one starts, in phase 'other'."""
        seconds = self._elapsed(SUBJECT)
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

    def _elapsed(self, phases: tuple[str, ...]) -> dict[str, float]:
        """Seconds of each of `phases`; time spent in any other phase is a bug of the kit."""
        self.switch("other")
        unexpected = set(self.seconds) - set(phases)
        assert not unexpected, f"time was spent in {unexpected}, but only {phases} are possible here"
        return {phase: round(self.seconds[phase], 4) for phase in phases}

    def _reset(self) -> None:
        self.seconds.clear()
        self.cpu, self.gpu_s = os.times(), 0.0

    def _event(self) -> Any:
        event = self.cuda.Event(enable_timing=True)
        event.record()
        return event


def now(offset: timedelta = timedelta(0)) -> str:
    """The current time plus `offset`, UTC, ISO 8601, rounded down to a second."""
    return (datetime.now(UTC) + offset).isoformat(timespec="seconds")


def process_age_s() -> float:
    """Seconds since this process started, to a hundredth."""
    if sys.platform == "linux":
        # psutil rounds the time of boot to whole seconds; here both numbers count from boot (proc(5), field 22).
        fields = Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK"))
    return max(0.0, time.time() - psutil.Process().create_time())


def peak_rss_bytes() -> int:
    """The peak resident memory of this process so far, in bytes."""
    if sys.platform == "linux":
        # getrusage would include the time before exec, when the process was a copy of its parent.
        status = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace")
        return 1024 * max(map(int, re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.M)))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in bytes on macOS
