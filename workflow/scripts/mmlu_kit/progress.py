"""Progress of long computations: a bar on a terminal, a plain line every half minute in a log."""

import sys
import time
from types import TracebackType
from typing import NoReturn

import tqdm

from mmlu_kit.terminal_text import Unprotected, visible

SECONDS_BETWEEN_LINES = 30


class Bar:
    """A progress bar that counts questions; use it in a `with` statement and call `advance(n)` after each batch."""

    def __init__(self, title: str, total: int) -> None:
        self.title, self.total, self.done = title, total, 0
        self.started = self.printed = time.monotonic()
        # tqdm redraws its line, so in a log it would leave one endless line.
        self.bar = _bar(title, total) if sys.stderr.isatty() else None

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.bar:
            self.bar.close()

    def advance(self, count: int) -> None:
        """Count `count` more questions as done."""
        self.done += count
        if self.bar:
            self.bar.update(count)
        elif time.monotonic() - self.printed >= SECONDS_BETWEEN_LINES:
            self.printed = time.monotonic()
            left_s = (self.printed - self.started) / self.done * (self.total - self.done)
            print(
                f"{self.title}: {self.done} of {self.total} questions, about {left_s:.0f} s left", file=sys.stderr, flush=True
            )


def _bar(title: str, total: int) -> "tqdm.tqdm[NoReturn]":
    return tqdm.tqdm(total=total, desc=visible(title), unit="q", leave=False, file=Unprotected(sys.stderr))
