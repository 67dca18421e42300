"""Limits of time and memory for a block that runs a stranger's code in this process."""

import resource
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

_PAGES = Path("/proc/self/statm")


class _TimeUp(BaseException):
    """Not an Exception, since Jinja's compiler discards those of the expressions that it evaluates."""


@contextmanager
def limited(seconds: float, memory_bytes: int) -> Iterator[None]:
    """Raise TimeoutError if the block runs longer than `seconds`, MemoryError if it needs `memory_bytes` more.

    Costs some microseconds. The time is limited in the main thread only, as no other receives signals, and between Python's
    operations: one that is under way ends first. The memory is limited where the system tells and limits a process's
    addresses: on Linux, not on macOS. An alarm that was set before is late by the block's time.
    """
    addresses = _limit_addresses(memory_bytes)
    try:
        if threading.current_thread() is threading.main_thread():
            with _alarm(seconds):
                yield
        else:
            yield
    except _TimeUp:
        raise TimeoutError(f"not done after {seconds:g} s") from None
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


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def ring(number: int, frame: FrameType | None) -> None:
        raise _TimeUp

    started = time.monotonic()
    handler = signal.signal(signal.SIGALRM, ring)
    remaining, interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.signal(signal.SIGALRM, handler or signal.SIG_DFL)
        if remaining:
            signal.setitimer(signal.ITIMER_REAL, max(remaining - (time.monotonic() - started), 1e-3), interval)
