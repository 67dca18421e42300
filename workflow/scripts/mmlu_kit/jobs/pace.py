"""How long a run still takes, estimated from the jobs that it has finished."""

from collections import Counter
from collections.abc import Hashable, Mapping
from statistics import fmean


class Pace:
    """Counts a run's jobs and estimates the time left; times are in seconds on any clock.

    Jobs of the same kind are expected to take the same time. `planned` has the number of jobs of each kind.
    """

    def __init__(self, planned: Mapping[Hashable, int], on_cluster: bool) -> None:
        self.total, self.done = sum(planned.values()), 0
        self.left = Counter(planned)
        self.on_cluster = on_cluster
        self.running: dict[int, tuple[Hashable, float]] = {}  # by job: its kind, and when it started or was submitted
        self.took: dict[Hashable, list[float]] = {}  # by kind: how long each finished job took
        self.began: float | None = None

    def start(self, job: int, kind: Hashable, now: float) -> None:
        """A job starts, perhaps not for the first time."""
        self.began = now if self.began is None else self.began
        self.running[job] = kind, now

    def finish(self, job: int, now: float) -> float:
        """A job is done; return how long it took."""
        kind, started = self.running.pop(job)
        self.took.setdefault(kind, []).append(now - started)
        self.left[kind] -= 1
        self.done += 1
        return now - started

    def fail(self, job: int) -> None:
        """A job failed; it may start again."""
        self.running.pop(job, None)

    def left_s(self, now: float) -> float | None:
        """Return the time left; None while most of the jobs left are of kinds that were never measured.

        The work left, in seconds of jobs, takes as long as the work done so far took with as many jobs at the same time.
        """
        measured = sum(count for kind, count in self.left.items() if kind in self.took)
        if self.began is None or 2 * measured < sum(self.left.values()) or not measured:
            return None
        mean = fmean(seconds for times in self.took.values() for seconds in times)
        expected = {kind: fmean(self.took[kind]) if kind in self.took else mean for kind in self.left}
        done = sum(seconds for times in self.took.values() for seconds in times)
        left = sum(count * expected[kind] for kind, count in self.left.items())
        # On a cluster, jobs may still wait in the queue.
        for kind, started in [] if self.on_cluster else self.running.values():
            done += now - started
            left -= min(now - started, expected[kind])
        return (now - self.began) * left / done if done else None
