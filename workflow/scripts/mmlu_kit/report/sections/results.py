"""The results of each group of models, and the comparison of GPU and CPU."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.formatting import duration, gigabytes, percent, rate, ratio
from mmlu_kit.report import captions
from mmlu_kit.report.cells import NOT_KNOWN, Row, Rows, interval, known, listed, telling
from mmlu_kit.report.sentences import accuracy, prompting, questions, size, study, timing
from mmlu_kit.results import summaries
from mmlu_kit.results.merged import Merged
from mmlu_kit.results.summaries import Speedup, SubjectRow, Summary
from mmlu_kit.study import Group
from mmlu_kit.timing import phase_timer

_TIME_HEADINGS = (
    *("Model", "Real Time", "CPU Time", "GPU Time", "Questions per second", "Loading"),
    *("Peak Memory", "Peak GPU Memory", "GPU Energy"),
)
_OF_GPUS = ("GPU Time", "Peak GPU Memory", "GPU Energy")  # left out if no model ran on a GPU


@dataclass(frozen=True)
class GroupSection:
    """The results of a group; if it has none, the reasons why its models were not run.

    `readings` has each subject's accuracy by the generated and by the best answer; it is empty if nothing is generated.
    """

    name: str
    title: str
    labels: list[str]
    not_run: list[str]
    accuracy_headings: Row
    accuracies: Rows
    unread: list[str]
    prompting: list[str]
    question_faults: list[str]
    size: str | None
    subject_headings: Row
    subjects: Rows
    readings_headings: Row
    readings: Rows
    alike: str | None
    time_headings: Row
    times: Rows
    machines: list[str]
    imported: list[str]
    parallelism: str | None
    not_measured: list[str]
    phases: Rows
    resumed: list[str]
    alt: dict[str, str]


def section(merged: Merged, group: Group, analysis: AnalysisFile) -> GroupSection:
    """Return the section on a group."""
    models = summaries.summarize_group(merged, group)
    analysed = {model.model: model for model in analysis.models}
    sized = [
        size.Sized(model, parameters) for model in models if (parameters := merged.models[model.model].parameters) is not None
    ]
    by_subject = summaries.by_subject(merged, [model.model for model in models])
    columns = _columns(models)
    accuracy_headings, accuracies = telling(
        _accuracy_headings(*columns), [_accuracy(model, *columns) for model in models], _OF_GPUS
    )
    time_headings, times = telling(_TIME_HEADINGS, [_times(model) for model in models], _OF_GPUS)
    return GroupSection(
        name=group.name,
        title=group.title,
        labels=[model.label for model in models],
        not_run=study.not_run(study.skipped(merged, group.models)),
        accuracy_headings=accuracy_headings,
        accuracies=accuracies,
        unread=[
            sentence
            for model in models
            for sentence in (
                accuracy.unanswered(analysed[model.model]),
                accuracy.unread(model, _by_subject(merged, model.model)),
            )
            if sentence
        ],
        prompting=prompting.notes(merged, [model.model for model in models]),
        question_faults=[questions.fault(one) for one in analysis.question_faults],
        size=size.size(sized, analysis),
        subject_headings=["Subject", *(model.label for model in models)],
        readings_headings=_readings_headings(models),
        readings=[_readings(row, merged, models) for row in by_subject] if any(map(_generates, models)) else [],
        subjects=[_subject(row, merged, models) for row in by_subject],
        alike=timing.alike(models),
        time_headings=time_headings,
        times=times,
        machines=_machines(merged, models),
        imported=[model.model for model in models if merged.imported(model.model)],
        parallelism=timing.parallelism(models),
        not_measured=timing.not_measured(models),
        phases=[_phases(model) for model in models],
        resumed=[model.model for model in models if model.resumed],
        alt={figure: alt(captions.GROUP_FIGURES[figure].title, models) for figure in captions.drawable_of_group(models)},
    )


def alt(title: str, models: Sequence[Summary]) -> str:
    """Return a figure's alternative text: its title and its numbers."""

    def numbers(model: Summary) -> str:
        accuracy = f"{model.label} {percent(model.accuracy)}"
        if model.unread:
            accuracy += f" ({model.unread:,} of {model.questions:,} answers unreadable)"
        return accuracy if model.real_s is None else f"{accuracy} in {duration(model.real_s)}"

    return f"{title}: {listed(map(numbers, models))}"


def speedups(pairs: Sequence[Speedup]) -> Rows:
    """Return the rows that compare models on a GPU with models on the CPU."""
    return [
        [pair.cpu.label, duration(pair.cpu.real_s), pair.gpu.label, duration(pair.gpu.real_s), ratio(pair.ratio)]
        for pair in pairs
    ]


def speedup_machines(pairs: Sequence[Speedup]) -> list[str]:
    """Return the machines that each pair ran on."""
    return [
        f"{pair.cpu.label}: {pair.cpu_machine.in_words()}. {pair.gpu.label}: {pair.gpu_machine.in_words()}." for pair in pairs
    ]


def _columns(models: Sequence[Summary]) -> tuple[bool, bool]:
    """Return whether the table of accuracies has columns for guessing, which four choices need not, and generated letters."""
    return any(model.guessing != 1 / 4 for model in models), any(model.correct_generated is not None for model in models)


def _accuracy_headings(guessing: bool, generated: bool) -> Row:
    return [
        *("Model", "Correct", "Total", "Accuracy", "95% interval"),
        *(("Guessing",) if guessing else ()),
        *(("Generated letter correct", "Parsed") if generated else ()),
        *("Real Time", "GPU Time"),
    ]


def _accuracy(model: Summary, guessing: bool, generated: bool) -> Row:
    return [
        model.label,
        str(model.correct),
        str(model.questions),
        f"**{percent(model.accuracy)}**",
        interval(model.accuracy_low, model.accuracy_high),
        *((percent(model.guessing),) if guessing else ()),
        *((known(model.accuracy_generated, percent), known(model.parse_rate, percent)) if generated else ()),
        duration(model.real_s),
        duration(model.gpu_s),
    ]


def _subject(row: SubjectRow, merged: Merged, models: Sequence[Summary]) -> Row:
    return [row.subject, *(known(row.accuracy.get(model.model), percent) + _read(row, merged, model) for model in models)]


def _readings_headings(models: Sequence[Summary]) -> Row:
    """Return the headings of a table with two columns for each model that generates a letter, and one for any other."""
    return [
        "Subject",
        *(
            f"{model.label}{reading}"
            for model in models
            for reading in ((", generated letter", ", best letter") if _generates(model) else ("",))
        ),
    ]


def _readings(row: SubjectRow, merged: Merged, models: Sequence[Summary]) -> Row:
    cells = [row.subject]
    for model, best in zip(models, _subject(row, merged, models)[1:], strict=True):
        summary = summaries.summarize(merged, model.model, [row.subject])
        cells += [known(summary.accuracy_generated if summary else None, percent)] if _generates(model) else []
        cells.append(best)
    return cells


def _generates(model: Summary) -> bool:
    """Whether a model was run and generated letters: an imported answer is read in one way."""
    return model.device is not None and model.correct_generated is not None


def _read(row: SubjectRow, merged: Merged, model: Summary) -> str:
    """Return ' (25 right of 29 read)' if many of a model's answers on a subject could not be read."""
    summary = summaries.summarize(merged, model.model, [row.subject]) if model.unread else None
    if not summary or summary.unread <= accuracy.UNREAD_NAMED * summary.questions:
        return ""
    return f" ({summary.correct} right of {summary.questions - summary.unread} read)"


def _by_subject(merged: Merged, model: str) -> dict[str, Summary]:
    """Return a model's summaries of single subjects, by name."""
    subjects = merged.study.subjects
    return {name: summary for name in subjects if (summary := summaries.summarize(merged, model, [name]))}


def _times(model: Summary) -> Row:
    joules: Callable[[float], str] = "{:.0f} J".format
    return [
        model.label,
        duration(model.real_s),
        duration(model.cpu_s),
        duration(model.gpu_s),
        rate(model.every_copy.questions / model.real_s) if model.real_s else NOT_KNOWN,
        duration(model.load_s),
        gigabytes(model.peak_rss_bytes),
        gigabytes(model.peak_gpu_bytes),
        known(model.gpu_energy_j, joules),
    ]


def _machines(merged: Merged, models: Sequence[Summary]) -> list[str]:
    """Return each machine with its models, if the group's models ran on several machines."""
    timed = [model for model in models if model.real_s and model.machine is not None]
    places = dict.fromkeys(model.machine for model in timed)
    if len(places) < 2:
        return []
    return [
        f"{listed(model.label for model in timed if model.machine == place)}: {merged.machines[place or 0].in_words()}."
        for place in places
    ]


def _phases(model: Summary) -> Row:
    seconds = [model.seconds(phase) for phase in phase_timer.PHASES]
    whole = [model.startup_s, model.load_s, model.real_s]
    together = sum(value for value in whole if value is not None) if None not in whole else None
    outside = sum(process.real_s for process in model.processes.values()) if model.processes else None
    return [model.label, *map(duration, seconds), duration(together), duration(outside)]
