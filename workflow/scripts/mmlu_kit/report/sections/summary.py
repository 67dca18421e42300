"""The summary: what was run, the leaderboard, the main findings, the claims' score, and how to reproduce it all."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mmlu_kit import formatting
from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.claims.document import ClaimsFile, ClaimVerdict
from mmlu_kit.formatting import code, moment, percent, plural
from mmlu_kit.provenance.documents import RunFile
from mmlu_kit.report import leaderboard, size_figure
from mmlu_kit.report.cells import NOT_KNOWN, Row, Rows, interval, known, listed
from mmlu_kit.report.leaderboard import Entry
from mmlu_kit.report.machine_table import MachineUse
from mmlu_kit.report.outline import Outline
from mmlu_kit.report.sections import setup
from mmlu_kit.report.sections.evaluation import EvaluationSection
from mmlu_kit.report.sentences import headlines
from mmlu_kit.report.sentences.accuracy import best_answer
from mmlu_kit.report.sentences.findings import MOST_NAMED
from mmlu_kit.results.merged import Merged


@dataclass(frozen=True)
class SummarySection:
    """A line on each thing that was run, the leaderboard with its notes, findings, and sentences; a table or list is empty,
    and a sentence None, if there is nothing to say. `alt` is that of the figure of sizes, None without the figure."""

    cards: list[str]
    headings: Row
    leaderboard: Rows
    notes: str
    findings: list[str]
    alt: str | None
    claims: str | None
    reproduce: str


def section(
    merged: Merged,
    analysis: AnalysisFile,
    audit: ClaimsFile | None,
    run: RunFile,
    evaluation: EvaluationSection,
    machines: Sequence[MachineUse],
    outline: Outline,
    labels: Mapping[str, str],
) -> SummarySection:
    """Return the section; `labels` are by model."""
    placed = leaderboard.entries(merged)
    columns = _columns(placed, labels)
    ranked = [entry.summary for entry in placed]
    return SummarySection(
        cards=_cards(placed, evaluation, machines, merged),
        headings=list(columns),
        leaderboard=[list(row) for row in zip(*columns.values(), strict=True)],
        notes=_notes(placed, columns),
        findings=headlines.headlines(ranked, merged, analysis, labels),
        alt=size_figure.alt(placed) if size_figure.drawable(placed) else None,
        claims=_claims(audit, outline) if audit else None,
        reproduce=_reproduce(run, outline),
    )


def _cards(placed: Sequence[Entry], evaluation: EvaluationSection, machines: Sequence[MachineUse], merged: Merged) -> list[str]:
    """Return a line each on models, questions, machines and time."""
    if not placed:
        return []
    subjects = max(entry.summary.subjects for entry in placed)
    total = evaluation.total or max(entry.summary.questions for entry in placed)
    questions = f"{total:,} question{'' if total == 1 else 's'} of {plural(subjects, 'subject')}"
    cards = [f"**Models:** {_models(placed, merged)}", f"**Questions:** {questions}, from {evaluation.questions}"]
    if machines:
        cards.append(f"**{'Machine' if len(machines) == 1 else 'Machines'}:** {'; '.join(map(_machine, machines))}")
        cards.append(
            f"**Time to answer**, without startup and loading: {'; '.join(_time(use, len(machines) > 1) for use in machines)}"
        )
    return cards


def _models(placed: Sequence[Entry], merged: Merged) -> str:
    """Return '7 of 3 sets of weights, 0.15 M to 0.43 M parameters', '2, of which 1 was imported'."""
    weights = len({entry.weights for entry in placed})
    names = listed(sorted((entry.summary.model for entry in placed), key=merged.order().index))
    words = names if len(placed) <= MOST_NAMED else str(len(placed))
    words += f", of {plural(weights, 'set')} of weights" if weights < len(placed) else ""
    sizes = sorted(entry.parameters for entry in placed if entry.parameters is not None)
    if sizes:
        ends = list(dict.fromkeys(map(formatting.count, (sizes[0], sizes[-1]))))
        words += f", {' to '.join(ends)} parameters"
    imported = sum(merged.imported(entry.summary.model) for entry in placed)
    if imported:
        words += "; answers imported from another run" if imported == len(placed) else f"; answers of {imported} imported"
    return words


def _machine(use: MachineUse) -> str:
    machine = use.machine
    cores = plural(machine.cores_usable, "core") if machine.cores_usable else None
    return listed(filter(None, (machine.processor, cores, machine.gpu, machine.container)))


def _time(use: MachineUse, several: bool) -> str:
    """Return the sum over a machine's models; times of several machines are never added up."""
    where = f" on {use.machine.gpu or use.machine.processor}" if several else ""
    times = [run.real_s for run in use.runs]
    known_times = [time for time in times if time is not None]
    if not known_times:
        return f"not known{where}"
    untimed = f" ({len(times) - len(known_times)} more not timed)" if len(known_times) < len(times) else ""
    return f"{formatting.duration(sum(known_times))} for {plural(len(known_times), 'model')}{where}{untimed}"


def _columns(placed: Sequence[Entry], labels: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the leaderboard's columns by heading; those in which no model has anything to tell are left out."""
    differs = any(entry.ran_as for entry in placed)
    columns = {
        "Model": [entry.summary.model if differs else labels[entry.summary.model] for entry in placed],
        "Accuracy": [f"**{percent(entry.summary.accuracy)}**" for entry in placed],
        "95% interval": [interval(entry.summary.accuracy_low, entry.summary.accuracy_high) for entry in placed],
    }
    if placed and leaderboard.common_questions(placed) is None:
        columns["Questions"] = [f"{entry.summary.questions:,}" for entry in placed]
    if any(entry.readable is not None for entry in placed):
        columns["Readable"] = [known(entry.readable, percent) for entry in placed]
    if any(entry.summary.protocol for entry in placed):
        columns["Asked as"] = [formatting.cell(entry.summary.protocol or NOT_KNOWN) for entry in placed]
        columns["Precision"] = [formatting.cell(entry.precision or NOT_KNOWN) for entry in placed]
    if differs:
        columns["Ran as"] = [
            formatting.cell(entry.ran_as or ("as requested" if entry.precision else NOT_KNOWN)) for entry in placed
        ]
    if any(entry.seconds_a_question is not None for entry in placed):
        columns["Time a question"] = [known(entry.seconds_a_question, moment) for entry in placed]
    return columns


def _notes(placed: Sequence[Entry], columns: Iterable[str]) -> str:
    """Say what the leaderboard's columns are."""
    best = best_answer(entry.summary.correct_generated is not None for entry in placed)
    words = [f"*Accuracy* is by the {best}, over distinct questions; guessing reaches {_guessing(placed)}."] if placed else []
    if "Questions" in columns:
        words.append("Models answered different questions, so their order is not that of a comparison.")
    if "Readable" in columns:
        words.append("*Readable* is the share of generated or imported answers that name a choice.")
    return " ".join(words)


def _guessing(placed: Sequence[Entry]) -> str:
    ends = sorted({entry.summary.guessing for entry in placed})
    return listed(dict.fromkeys(map(percent, ends))) if len(ends) < 3 else interval(ends[0], ends[-1])


def _claims(audit: ClaimsFile, outline: Outline) -> str:
    """Return the claims' score: '65 claims of the writeup: by their own numbers, 16 hold, 14 do not hold, …'."""
    claims = audit.claims
    judged = {
        "by the published numbers": Counter(claim.published.verdict for claim in claims),
        "by this run": Counter(claim.run.verdict for claim in claims),
    }
    scores = "; ".join(f"{by}, {_score(counts)}" for by, counts in judged.items())
    return f"**{plural(len(claims), 'claim')} of {audit.publication.name}:** {scores}. See {outline.link('claims')}."


def _score(counts: Mapping[ClaimVerdict, int]) -> str:
    words = {
        ClaimVerdict.HOLDS: "hold" if counts[ClaimVerdict.HOLDS] != 1 else "holds",
        ClaimVerdict.DOES_NOT_HOLD: "do not hold" if counts[ClaimVerdict.DOES_NOT_HOLD] != 1 else "does not hold",
        ClaimVerdict.CANNOT_BE_TOLD: "cannot be told",
        ClaimVerdict.NOT_TESTABLE: "cannot be tested",
    }
    return listed(f"{counts[verdict]} {word}" for verdict, word in words.items() if counts[verdict])


def _reproduce(run: RunFile, outline: Outline) -> str:
    commit = f" at commit `{run.code.commit[:12]}`" if run.code.commit else ""
    changed = ", which was changed," if run.code.commit and run.code.changed else ""
    return f"**To reproduce:** run {code(setup.command(run))} with the kit{commit}{changed} (see {outline.link('how_made')})."
