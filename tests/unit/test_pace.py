"""The time left of a run, from the jobs that it has finished."""

import pytest
from mmlu_kit.jobs.pace import Pace


def test_nothing_is_said_before_most_of_what_is_left_was_measured():
    pace = Pace({"fetch": 2, "evaluate": 3, "merge": 1}, on_cluster=False)
    pace.start(1, "fetch", 0)
    assert pace.left_s(1) is None
    pace.finish(1, 2)
    assert pace.left_s(2) is None  # one job of five
    for job, begins in ((2, 2), (3, 4)):
        pace.start(job, "fetch" if job == 2 else "evaluate", begins)
    pace.finish(2, 4)
    assert pace.finish(3, 24) == 20
    # Two evaluations of 20 s; the merging as long as the mean of 2, 2 and 20 s.
    assert pace.left_s(24) == pytest.approx(48)
    assert (pace.done, pace.total) == (3, 6)


def test_jobs_at_the_same_time_share_the_time_left():
    pace = Pace({"evaluate": 16}, on_cluster=False)
    for job in range(8):
        pace.start(job, "evaluate", 0)
    pace.finish(0, 6)
    # 7 of the 15 jobs left are about to end, and the other 8 run at the same time.
    assert pace.left_s(6) == pytest.approx(6)


def test_jobs_in_a_clusters_queue_do_not_count_as_running():
    pace = Pace({"evaluate": 96}, on_cluster=True)
    for job in range(96):
        pace.start(job, "evaluate", 0)
    for job in range(4):
        pace.finish(job, 60)
    assert pace.left_s(60) == pytest.approx(92 / 4 * 60)


def test_a_failed_job_that_starts_again_is_timed_from_its_second_start():
    pace = Pace({"evaluate": 2}, on_cluster=False)
    pace.start(1, "evaluate", 0)
    pace.fail(1)
    pace.start(1, "evaluate", 100)
    assert pace.finish(1, 110) == 10
