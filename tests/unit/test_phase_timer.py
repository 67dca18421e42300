"""The phase timer: every moment belongs to one phase, and phases add up to the process's time."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from mmlu_kit.timing import phase_timer

SCRIPTS = Path(__file__).parents[2] / "workflow/scripts"


@pytest.fixture
def timer():
    """A timer after the start of its process, at the start of a subject."""
    timer = phase_timer.PhaseTimer()
    timer.end_start()
    return timer


def test_time_is_assigned_to_the_right_phase():
    timer = phase_timer.PhaseTimer()
    timer.switch("load")
    time.sleep(0.05)
    start = timer.end_start()
    with timer.phase("forward"):
        time.sleep(0.1)
        with timer.phase("write"):
            time.sleep(0.05)
        time.sleep(0.1)
    phases = timer.end_subject()
    assert 0.05 <= start.load_s < 0.15
    assert 0.2 <= phases.forward_s < 0.3 and 0.05 <= phases.write_s < 0.15
    assert phases.tokenize_s == 0 and phases.other_s < 0.05 and phases.gpu_s is None
    assert phases.real_s == pytest.approx(sum(getattr(phases, f"{name}_s") for name in phase_timer.SUBJECT), abs=0.0005)


def test_an_error_ends_its_phase(timer):
    with pytest.raises(ZeroDivisionError), timer.phase("forward"):
        raise ZeroDivisionError
    assert timer.current == "other"


def test_a_subjects_time_is_not_counted_again(timer):
    with timer.phase("parse"):
        time.sleep(0.05)
    assert timer.end_subject().parse_s >= 0.05
    assert timer.end_subject().parse_s == 0


def test_an_unknown_phase_is_a_bug(timer):
    timer.switch("load")
    with pytest.raises(AssertionError, match="load"):
        timer.end_subject()


def test_cpu_seconds_cover_the_same_interval(timer):
    end = time.process_time() + 0.2
    while time.process_time() < end:
        pass
    phases = timer.end_subject()
    assert 0.15 <= phases.cpu_user_s + phases.cpu_system_s < 0.4


def test_startup_begins_with_the_process():
    """The time before a program's first line (interpreter, imports) is included."""
    program = (
        "import time; time.sleep(0.3); import sys; sys.path.insert(0, sys.argv[1])\n"
        "from mmlu_kit.timing.phase_timer import PhaseTimer\n"
        "print(PhaseTimer().end_start().startup_s)"
    )
    began = time.perf_counter()
    process = subprocess.run([sys.executable, "-c", program, SCRIPTS], capture_output=True, text=True, check=True)
    assert 0.3 <= float(process.stdout) <= time.perf_counter() - began + 0.02  # the system counts in hundredths


def test_peak_memory_excludes_the_parent_process():
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from mmlu_kit.timing import phase_timer; print(phase_timer.peak_rss_bytes())"
    )
    starter = (
        f"import subprocess, sys; kept = b'x' * 700_000_000; subprocess.run([sys.executable, '-c', {program!r}, sys.argv[1]])"
    )
    process = subprocess.run([sys.executable, "-c", starter, SCRIPTS], capture_output=True, text=True, check=True)
    assert 5e6 < int(process.stdout) < 3e8


class Clock:
    """Fake torch.cuda: events on a device that is slower than the program."""

    def __init__(self):
        self.milliseconds, self.synchronized = 0.0, 0

    def Event(self, enable_timing):
        assert enable_timing
        clock = self

        class Event:
            def record(self):
                self.at, clock.milliseconds = clock.milliseconds, clock.milliseconds + 250

            def synchronize(self):
                clock.synchronized += 1

            def elapsed_time(self, end):
                return end.at - self.at

        return Event()


def test_gpu_seconds_are_measured_around_forward_passes(timer):
    clock = Clock()
    timer.watch_gpu(clock)
    for name in ("tokenize", "forward", "parse", "forward"):
        with timer.phase(name):
            pass
    assert timer.end_subject().gpu_s == 0.5
    assert clock.synchronized == 2, "a phase does not end before the device has done its work"
    assert timer.end_subject().gpu_s == 0
