"""Which subjects and models were evaluated, and how each model was prompted and run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from mmlu_kit import formatting, settings
from mmlu_kit.analysis.model_document import ModelAnalysis
from mmlu_kit.config import ImportedEntry, ModelEntry
from mmlu_kit.report.cells import NOT_KNOWN, Row, Rows, listed
from mmlu_kit.report.sentences import study as sentences
from mmlu_kit.results import answer_forms, protocols, summaries
from mmlu_kit.results.merged import Merged, MergedModel
from mmlu_kit.settings import Effective, Requested
from mmlu_kit.source_entries import QuestionSet


@dataclass(frozen=True)
class EvaluationSection:
    """Tables of subjects and models, and notes on models that were imported, were not run or have a description."""

    subjects: Rows
    total: int
    questions: str
    any_model: bool
    models: Rows
    weights: Rows
    notes: list[str]


def section(merged: Merged, models: Sequence[str], analyses: Sequence[ModelAnalysis]) -> EvaluationSection:
    """Return the section; `models` are those in groups with results, `analyses` their statistics."""
    study, order = merged.study, merged.order()
    rows = summaries.by_subject(merged, models)
    answered = {result.subject: result for result in merged.results if result.model in models}
    total = merged.counted(answered[row.subject] for row in rows).questions if rows else 0
    entries = {name: study.models[name] for name in order}
    analysed = {analysis.model: analysis for analysis in analyses}
    return EvaluationSection(
        subjects=[[row.subject, str(row.questions)] for row in rows] + [[f"**all {len(rows)}**", f"**{total}**"]] * bool(rows),
        total=total,
        questions=_questions(study.questions),
        any_model=bool(order),
        models=[_model(name, merged.models[name], entry) for name, entry in entries.items() if isinstance(entry, ModelEntry)],
        weights=[
            [summaries.label(merged, name), _weights(effective)]
            for name in order
            if (effective := merged.models[name].effective)
        ],
        notes=[
            *(_imported(name, entry, analysed[name]) for name, entry in entries.items() if isinstance(entry, ImportedEntry)),
            *sentences.not_run(sentences.skipped(merged, study.models)),
            *(f"**{name}**: {entry.description}" for name, entry in entries.items() if entry.description),
        ],
    )


def _model(name: str, model: MergedModel, entry: ModelEntry) -> Row:
    requested, effective = model.requested, model.effective
    assert requested and effective and model.parameters is not None, f"{name} ran"
    reason = f" ({model.reason})" if model.reason else ""
    return [
        name,
        formatting.count(model.parameters),
        settings.in_words(requested),
        formatting.cell(settings.in_words(effective) + reason),
        _prompt(requested),
        formatting.cell(model.packing.in_words()) if model.packing else NOT_KNOWN,
        _weights_source(model, entry),
    ]


def _weights_source(model: MergedModel, entry: ModelEntry) -> str:
    """Return where the weights come from, the file that is read of a repository, and which adapter was applied to them."""
    source = _source(model.repository, model.commit) or formatting.code(entry.path or "")
    source += f", {formatting.code(entry.file)}" if entry.file else ""
    return f"{source}, with {formatting.cell(model.adapter.in_words())}" if model.adapter else source


def _weights(effective: Effective) -> str:
    """Return '30 Linear4bit in nf4, computing in bfloat16; …'."""
    return "; ".join(
        f"{part.tensors} {part.module} in {part.quant_type or part.dtype}"
        + (f", computing in {part.compute_dtype}" if part.compute_dtype else "")
        for part in effective.parts
    )


def _prompt(requested: Requested) -> str:
    """Return 'letters, 5-shot', 'cloze, per byte, 0-shot'."""
    words = protocols.protocol(requested)
    return formatting.cell(words if requested.examples else f"{words}, 0-shot")


def _questions(questions: QuestionSet) -> str:
    """Return where the questions come from, and which of the rows there they are."""
    source = _source(questions.repository, questions.commit) or formatting.code(questions.path or "")
    if not questions.where:
        return source
    return (
        f"{source}, only rows with {listed(formatting.code(f'{column}: {value}') for column, value in questions.where.items())}"
    )


def _source(repository: str | None, commit: str | None) -> str | None:
    """Return a hub repository with its commit; None for a local folder."""
    return f"{repository} at `{commit[:12]}`" if repository and commit else None


def _imported(name: str, entry: ImportedEntry, analysis: ModelAnalysis) -> str:
    file = formatting.code(PurePosixPath(entry.predictions).name)
    called = f", where it is called {entry.predictions_model}" if entry.predictions_model else ""
    return (
        f"**{name}** was not run here: its answers were imported from another run's predictions ({file}{called}). "
        f"Its size, prompt, machine and letter probabilities are not known. {_read(analysis)}"
    )


def _read(analysis: ModelAnalysis) -> str:
    """Say by which rules imported answers were read, and how many could not be."""
    unread = analysis.best_letter.unparsed
    rules = answer_forms.in_words({answer_forms.Rule(rule): count for rule, count in analysis.read_by.items()})
    read = f"{analysis.questions - unread:,} of its {analysis.questions:,} answers were read by rule"
    read += f", {rules}" if rules else ""
    return f"{read}; {unread:,} could not be read." if unread else f"{read}."
