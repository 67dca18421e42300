"""Progress of long work: a bar on a terminal, a plain line now and then in a log."""

import sys
import time
from types import TracebackType

import tqdm

SECONDS_BETWEEN_LINES = 30


class Bar:
    """Counts questions; used in a `with` statement, with an `advance(n)` after each batch."""

    def __init__(self, title: str, total: int) -> None:
        self.title, self.total, self.done = title, total, 0
        self.started = self.printed = time.monotonic()
        # tqdm redraws one line, which turns a log into a single endless one.
        self.bar = tqdm.tqdm(total=total, desc=title, unit="q", leave=False) if sys.stderr.isatty() else None

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.bar:
            self.bar.close()

    def advance(self, count: int) -> None:
        """Note that `count` more questions are done."""
        self.done += count
        if self.bar:
            self.bar.update(count)
        elif time.monotonic() - self.printed >= SECONDS_BETWEEN_LINES:
            self.printed = time.monotonic()
            left = (self.printed - self.started) / self.done * (self.total - self.done)
            print(f"{self.title}: {self.done} of {self.total} questions, about {left:.0f} s left", file=sys.stderr, flush=True)
