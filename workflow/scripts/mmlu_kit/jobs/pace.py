"""How long a run still takes, estimated from the jobs that it has finished."""

from collections import Counter
from collections.abc import Mapping
from statistics import fmean

# Jobs that are expected to take the same time: their rule, and what else matters for it.
Kind = tuple[str, ...]


class Pace:
    """Counts a run's jobs and estimates the time left; times are in seconds on any clock.

    `planned` has the number of jobs of each kind.
    """

    def __init__(self, planned: Mapping[Kind, int], on_cluster: bool) -> None:
        self.total, self.done = sum(planned.values()), 0
        self.left = Counter(planned)
        self.on_cluster = on_cluster
        self.running: dict[int, tuple[Kind, float]] = {}  # by job: its kind, and when it started or was submitted
        self.took: dict[Kind, list[float]] = {}  # by kind: how long each finished job took
        self.began: float | None = None
        jobs_of_rule: Counter[str] = Counter()
        for (rule, *_), count in planned.items():
            jobs_of_rule[rule] += count
        # The only job of a rule, such as merging, cannot be measured before it runs.
        self.measurable = {kind for kind in planned if jobs_of_rule[kind[0]] > 1}

    def start(self, job: int, kind: Kind, now: float) -> None:
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
        """Return the time left; None until most of the jobs left, of rules with several jobs, are of measured kinds.

        The work left, in seconds of jobs, takes as long as the work done so far took with as many jobs at the same time.
        """
        measured = sum(count for kind, count in self.left.items() if kind in self.took)
        unmeasured = sum(count for kind, count in self.left.items() if kind in self.measurable and kind not in self.took)
        if self.began is None or not measured or measured < unmeasured:
            return None
        done = sum(seconds for times in self.took.values() for seconds in times)
        left = sum(count * self._expected_s(kind) for kind, count in self.left.items() if count)
        # On a cluster, jobs may still wait in the queue.
        for kind, started in [] if self.on_cluster else self.running.values():
            done += now - started
            left -= min(now - started, self._expected_s(kind))
        return (now - self.began) * left / done if done else None

    def _expected_s(self, kind: Kind) -> float:
        """The mean time of finished jobs of this kind; if there are none, of its rule; else of all."""
        of_rule = [seconds for other, times in self.took.items() if other[0] == kind[0] for seconds in times]
        of_all = [seconds for times in self.took.values() for seconds in times]
        return fmean(self.took.get(kind) or of_rule or of_all)
