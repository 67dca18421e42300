"""Limits of time and memory for a call that runs a stranger's code in this process."""

import resource
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TypeVar

_PAGES = Path("/proc/self/statm")
Result = TypeVar("Result")


class _TimeUp(BaseException):
    """Not an Exception, since Jinja's compiler discards those of the expressions that it evaluates."""


def limited(call: Callable[[], Result], seconds: float, memory_bytes: int) -> Result:
    """Return the call's result; raise TimeoutError if it computes longer than `seconds`, MemoryError beyond `memory_bytes`.

    Costs some microseconds. The time is what this process's threads compute, so that neither a suspended process nor a busy
    machine fails a call; time in the system's calls is not counted. It is limited in the main thread only, as no other receives
    signals, and between Python's operations: one that is under way ends first. The memory is limited where the system tells
    and limits a process's addresses: on Linux, not on macOS. A virtual timer that was set before goes on after the call.
    """
    addresses = _limit_addresses(memory_bytes)
    try:
        return _timed(call, seconds) if threading.current_thread() is threading.main_thread() else call()
    finally:
        if addresses:
            resource.setrlimit(resource.RLIMIT_AS, addresses)


def _limit_addresses(memory_bytes: int) -> tuple[int, int] | None:
    """Let this process use `memory_bytes` more than now; return the limits before, None if it cannot be limited."""
    try:
        used = int(_PAGES.read_bytes().split()[0]) * resource.getpagesize()
    except OSError:
        return None
    before = soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limits = [limit for limit in (used + memory_bytes, soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(limits), hard))
    return before


def _timed(call: Callable[[], Result], seconds: float) -> Result:
    def ring(number: int, frame: FrameType | None) -> None:
        raise _TimeUp

    started = _computed_s()
    remaining, interval = signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    handler = signal.signal(signal.SIGVTALRM, ring)
    try:
        try:
            signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
            return call()
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)  # it may ring just before
    except _TimeUp:
        raise TimeoutError(f"not done after {seconds:g} s of computing") from None
    finally:
        signal.signal(signal.SIGVTALRM, handler or signal.SIG_DFL)
        if remaining:
            signal.setitimer(signal.ITIMER_VIRTUAL, max(remaining - (_computed_s() - started), 1e-3), interval)


def _computed_s() -> float:
    """The time that this process's threads have computed, without the system's calls."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime
