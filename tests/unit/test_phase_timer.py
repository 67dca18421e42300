"""The ledger of a process's time: every moment in one part, the parts adding up to the process."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from mmlu_kit.timing import phase_timer

SCRIPTS = Path(__file__).parents[2] / "workflow/scripts"


def test_parts_get_the_time_that_was_spent_in_them():
    book = phase_timer.Ledger()
    book.switch("load")
    time.sleep(0.05)
    once = book.take(phase_timer.ONCE)
    with book.part("forward"):
        time.sleep(0.1)
        with book.part("write"):
            time.sleep(0.05)
        time.sleep(0.1)
    found = book.take(phase_timer.PARTS)
    assert 0.05 <= once["load_s"] < 0.15
    assert 0.2 <= found["forward_s"] < 0.3 and 0.05 <= found["write_s"] < 0.15
    assert found["tokenize_s"] == 0 and found["other_s"] < 0.05 and found["gpu_s"] is None
    assert found["real_s"] == pytest.approx(sum(found[f"{part}_s"] for part in phase_timer.PARTS), abs=0.0005)


def test_a_part_ends_where_an_error_ends_it():
    book = phase_timer.Ledger()
    book.take(phase_timer.ONCE)
    with pytest.raises(ZeroDivisionError), book.part("forward"):
        raise ZeroDivisionError
    assert book.current == "other"


def test_what_was_taken_is_not_counted_again():
    book = phase_timer.Ledger()
    book.take(phase_timer.ONCE)
    with book.part("parse"):
        time.sleep(0.05)
    assert book.take(phase_timer.PARTS)["parse_s"] >= 0.05
    assert book.take(phase_timer.PARTS)["parse_s"] == 0


def test_cpu_seconds_are_those_meanwhile():
    book = phase_timer.Ledger()
    book.take(phase_timer.ONCE)
    end = time.process_time() + 0.2
    while time.process_time() < end:
        pass
    found = book.take(phase_timer.PARTS)
    assert 0.15 <= found["cpu_user_s"] + found["cpu_system_s"] < 0.4


def test_startup_begins_with_the_process():
    """What comes before the first line of a program (the interpreter, imports) is in it too."""
    program = (
        "import time; time.sleep(0.3); import sys; sys.path.insert(0, sys.argv[1]); from mmlu_kit import ledger\n"
        "print(phase_timer.Ledger().take(phase_timer.ONCE)['startup_s'])"
    )
    began = time.perf_counter()
    process = subprocess.run([sys.executable, "-c", program, SCRIPTS], capture_output=True, text=True, check=True)
    assert 0.3 <= float(process.stdout) <= time.perf_counter() - began + 0.02  # the system counts in hundredths


def test_peak_memory_is_the_programs_own_and_not_that_of_the_process_that_started_it():
    program = "import sys; sys.path.insert(0, sys.argv[1]); from mmlu_kit import ledger; print(phase_timer.peak_rss_bytes())"
    starter = (
        f"import subprocess, sys; kept = b'x' * 700_000_000; subprocess.run([sys.executable, '-c', {program!r}, sys.argv[1]])"
    )
    process = subprocess.run([sys.executable, "-c", starter, SCRIPTS], capture_output=True, text=True, check=True)
    assert 5e6 < int(process.stdout) < 3e8


class Clock:
    """torch.cuda as far as the ledger uses it: events on a device that works slower than the program runs ahead."""

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


def test_gpu_seconds_are_those_between_events_around_forward_passes():
    book, clock = phase_timer.Ledger(), Clock()
    book.take(phase_timer.ONCE)
    book.watch_gpu(clock)
    for part in ("tokenize", "forward", "parse", "forward"):
        with book.part(part):
            pass
    assert book.take(phase_timer.PARTS)["gpu_s"] == 0.5
    assert clock.synchronized == 2, "a part does not end before the device has done its work"
    assert book.take(phase_timer.PARTS)["gpu_s"] == 0
