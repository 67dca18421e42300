"""The time left of a run, from the jobs that it has finished."""

import pytest
from mmlu_kit.jobs.pace import Pace

FETCH, SMALL, LARGE, MERGE = ("fetch",), ("evaluate", "small"), ("evaluate", "large"), ("merge",)


def test_nothing_is_said_before_most_of_what_is_left_was_measured():
    pace = Pace({FETCH: 2, SMALL: 3, LARGE: 2, MERGE: 1}, on_cluster=False)
    pace.start(1, FETCH, 0)
    assert pace.left_s(1) is None
    pace.finish(1, 2)
    assert pace.left_s(2) is None  # the other fetch job, beside five evaluations
    pace.start(2, FETCH, 2)
    pace.finish(2, 4)
    pace.start(3, SMALL, 4)
    assert pace.finish(3, 24) == 20
    # Two evaluations of 20 s; the larger model's, never measured, as long; merging as long as the mean of 2, 2 and 20 s.
    assert pace.left_s(24) == pytest.approx(4 * 20 + 8)
    assert (pace.done, pace.total) == (3, 8)


def test_nothing_is_said_when_only_rules_with_one_job_are_left():
    pace = Pace({SMALL: 2, MERGE: 1}, on_cluster=False)
    for job in (1, 2):
        pace.start(job, SMALL, 10 * job)
        pace.finish(job, 10 * job + 10)
    assert pace.left_s(30) is None


def test_jobs_at_the_same_time_share_the_time_left():
    pace = Pace({SMALL: 16}, on_cluster=False)
    for job in range(8):
        pace.start(job, SMALL, 0)
    pace.finish(0, 6)
    # 7 of the 15 jobs left are about to end, and the other 8 run at the same time.
    assert pace.left_s(6) == pytest.approx(6)


def test_jobs_in_a_clusters_queue_do_not_count_as_running():
    pace = Pace({SMALL: 96}, on_cluster=True)
    for job in range(96):
        pace.start(job, SMALL, 0)
    for job in range(4):
        pace.finish(job, 60)
    assert pace.left_s(60) == pytest.approx(92 / 4 * 60)


def test_a_failed_job_that_starts_again_is_timed_from_its_second_start():
    pace = Pace({SMALL: 2}, on_cluster=False)
    pace.start(1, SMALL, 0)
    pace.fail(1)
    pace.start(1, SMALL, 100)
    assert pace.finish(1, 110) == 10
