"""What a report has only beside a publication's sections: both readings by subject, CPU and GPU columns, the chat's loop."""

from mmlu_kit.results import merging
from mmlu_kit.settings import Device
from mmlu_kit.timing.time_logs import Processes

from tests.helpers import chats, reports, results


def test_accuracies_by_subject_are_by_the_generated_letter_beside_the_best_one():
    study = results.study(["m"], ["anatomy", "virology"])
    evaluations = [results.evaluation("m", "anatomy", "ABCD", "AB--"), results.evaluation("m", "virology", "AAAA")]
    timings = [results.timing("m", subject) for subject in study.subjects]
    merged = merging.merge(study, evaluations, timings, Processes({}))
    text = results.report(merged, merging.table(study, evaluations))
    (rows,) = reports.tables(text, "### Per-Subject Accuracy")
    assert rows == [
        ["Subject", "m, generated letter", "m, best letter"],
        ["anatomy", "50.0%", "100.0%"],
        ["virology", "25.0%", "25.0%"],
    ]
    alone = merged.model_copy(update={"study": study.model_copy(update={"reference": None})})
    text = results.report(alone, merging.table(study, evaluations))
    assert reports.tables(text, "### Per-Subject Accuracy")[0][0] == ["Subject", "m"]


def test_the_gpu_is_in_a_column_beside_the_cpu():
    study = results.study(["cpu", "gpu"], ["anatomy"])
    on_cuda = study.models["gpu"].model_copy(update={"device": Device.CUDA})
    study = study.model_copy(update={"models": {**study.models, "gpu": on_cuda}})
    requested = results.REQUESTED.model_copy(update={"device": Device.CUDA})
    on_gpu = {"requested": requested, "effective": results.effective("cuda")}
    evaluations = [
        results.evaluation("cpu", "anatomy", "ABCD"),
        results.evaluation("gpu", "anatomy", "ABCD").model_copy(update=on_gpu),
    ]
    machine = results.MACHINE.model_copy(update={"gpu": "T4", "gpu_memory_bytes": 16 * 10**9})
    timings = [results.timing("cpu", "anatomy", 20.0), results.timing("gpu", "anatomy", 1.0, machine=machine, gpu_s=0.5)]
    for known, speeds in (
        (2, ["cpu: 4 questions in 20.0 s", "gpu: 4 questions in 1.00 s"]),
        (1, ["cpu: 4 questions in 20.0 s", "not run here"]),
    ):
        merged = merging.merge(study, evaluations[:known], timings[:known], Processes({}))
        text = results.report(merged, merging.table(study, evaluations[:known]))
        (rows,) = reports.tables(text, "### Machines Compared")
        assert rows[0] == ["Aspect", "CPU (published: a laptop)", "GPU (published: Google Colab)"]
        assert next(row for row in rows if row[0] == "Speed")[1:] == speeds


def test_the_chat_section_shows_the_main_loop_only_beside_the_publications():
    study = results.study(["m"], ["anatomy"])
    merged, table = results.merged(study, {"m": {"anatomy": "ABCD"}})
    merged = merged.model_copy(update={"chat": chats.chat()})
    assert "```python\nmessages = [" in results.report(merged, table)
    alone = merged.model_copy(update={"study": study.model_copy(update={"reference": None})})
    assert "messages = [" not in results.report(alone, table)
