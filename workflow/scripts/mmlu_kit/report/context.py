"""The report's text: fills the templates, section by section, from files that rules made."""

from dataclasses import dataclass, fields
from pathlib import Path

import jinja2

from mmlu_kit import statistics
from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.claims.document import ClaimsFile
from mmlu_kit.claims.reference import Published
from mmlu_kit.provenance.documents import RunFile
from mmlu_kit.report import cells, file_reference, machine_table, outline
from mmlu_kit.report.cells import Row, Rows
from mmlu_kit.report.escaping import markdown_safe
from mmlu_kit.report.outline import Outline
from mmlu_kit.report.sections import (
    chat,
    claims,
    evaluation,
    how_made,
    machines,
    mistakes,
    precision,
    protocols,
    results,
    setup,
    stability,
    summary,
    timing,
)
from mmlu_kit.report.sentences import answers
from mmlu_kit.report.sentences import study as sentences
from mmlu_kit.results import summaries
from mmlu_kit.results.merged import Merged
from mmlu_kit.study import Study


@dataclass(frozen=True)
class Context:
    """All variables of the templates; a section is None if the study has no results for it."""

    study: Study
    outline: Outline
    task: str
    answers: str
    level: str
    part_of_study: str | None
    not_run_here: str | None
    not_complete: str | None
    left_out: str | None
    limited: str | None
    absent: dict[str, str]
    other_parts: str | None
    summary: summary.SummarySection
    setup: setup.SetupSection
    timing: timing.TimingSection | None
    evaluation: evaluation.EvaluationSection
    groups: dict[str, results.GroupSection]
    speedups: Rows
    speedup_machines: list[str]
    protocols: protocols.ProtocolsSection | None
    precision: precision.PrecisionSection | None
    mistakes: mistakes.MistakesSection | None
    machines: machines.MachinesSection | None
    chat: chat.ChatSection | None
    claims: claims.ClaimsSection | None
    stability: stability.StabilitySection | None
    files: list[Row]
    how_made: how_made.HowMadeSection


def render(
    merged: Merged,
    analysis: AnalysisFile,
    audit: ClaimsFile | None,
    run: RunFile,
    templates: Path,
    published: Published | None = None,
) -> str:
    """Return the report as Markdown.

    `templates` is the folder of the templates; `audit` and `published`, the reference's numbers, are None for a study without a
    reference.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown, not HTML; the documents' texts are escaped before
    )
    environment.filters.update(rows=cells.rows, header=cells.header, bullets=cells.bullets, listed=cells.listed)
    environment.filters.update(fenced=cells.fenced, fold=cells.fold, table=cells.table)
    safe_audit = markdown_safe(audit) if audit else None
    reference = markdown_safe(published) if published else None
    filled = context(markdown_safe(merged), markdown_safe(analysis), safe_audit, markdown_safe(run), reference)
    values = {field.name: getattr(filled, field.name) for field in fields(filled)}
    return environment.get_template("report.md.j2").render(values)


def context(
    merged: Merged, analysis: AnalysisFile, audit: ClaimsFile | None, run: RunFile, published: Published | None = None
) -> Context:
    """Return the variables for the templates; `audit` and `published` are as for `render`."""
    study, order = merged.study, merged.order()
    in_groups = [summary for group in study.groups for summary in summaries.summarize_group(merged, group)]
    by_model = {summary.model: summary for summary in in_groups}
    pairs = outline.speedups(merged)
    sections = outline.outline(merged, analysis, audit.publication if audit else None)
    used = machine_table.machines_used(merged)
    labels = {model: summaries.label(merged, model) for model in order}
    evaluated = evaluation.section(merged, list(by_model), analysis.models)
    return Context(
        study=study,
        outline=sections,
        task=sentences.task(study),
        answers=answers.how_read(merged, analysis.models),
        level=f"{statistics.ALPHA:.0%}",
        part_of_study=sentences.part_of_study(study),
        not_run_here=sentences.not_run_here(merged),
        not_complete=sentences.not_complete(merged),
        left_out=sentences.left_out(study),
        limited=sentences.limited(study),
        absent={part: sentences.absent(study, part) for part in sentences.PARTS},
        other_parts=sentences.other_parts(merged, sections),
        summary=summary.section(merged, analysis, audit, run, evaluated, used, sections, labels),
        setup=setup.section(merged, run, used, labels),
        timing=timing.section(merged.setups),
        evaluation=evaluated,
        groups={group.name: results.section(merged, group, analysis) for group in study.groups},
        speedups=results.speedups(pairs),
        speedup_machines=results.speedup_machines(pairs),
        protocols=protocols.section(merged, analysis, published),
        precision=precision.section(merged, analysis),
        mistakes=mistakes.section(merged, analysis),
        machines=machines.section(used),
        chat=chat.section(merged.chat),
        claims=claims.section(audit) if audit else None,
        stability=stability.section(merged.stability),
        files=[pattern.row() for pattern in file_reference.patterns(merged, analysis, sections)],
        how_made=how_made.section(run, order),
    )
