"""The sections of a report with their numbers: headings, contents and cross-references all come from here.

A report begins with a summary. It has a section for each part of its study and none for what the study lacks, numbered from 1.
Only a publication that lists its own sections goes before: the report of a study that reproduces it has all of them, under the
publication's numbers.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from mmlu_kit import formatting
from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.claims.document import Publication, Shows
from mmlu_kit.report import machine_table
from mmlu_kit.results import summaries
from mmlu_kit.results.merged import Merged

RESULTS = "results"  # a section on a group of models


@dataclass(frozen=True)
class Section:
    """A section of the report; an appendix has no number.

    `name` is that of its template; `group` is the group that a section on results shows; `published` tells whether it is the
    publication's, which a report has even if its study has nothing to show there.
    """

    name: str
    title: str
    number: int | None = None
    group: str | None = None
    published: bool = False

    @property
    def heading(self) -> str:
        """'6. Error Pattern Analysis'."""
        return f"{self.number}. {self.title}" if self.number else self.title

    @property
    def place(self) -> str:
        """What a sentence calls it: 'section 6'."""
        return f"section {self.number}" if self.number else "appendix"

    @property
    def anchor(self) -> str:
        """Its anchor in the page and on GitHub."""
        return anchor(formatting.unescaped(self.heading))


@dataclass(frozen=True)
class Outline:
    """A report's sections in their order.

    `ends_with_speedups` is the publication's last section on a group, which compares the GPU with the CPU;
    `ends_with_comparisons` is the last section on a group of the study, which compares how models are asked and
    their precisions.
    """

    sections: tuple[Section, ...]
    ends_with_speedups: Section | None
    ends_with_comparisons: Section | None

    def has(self, name: str) -> bool:
        """Return whether there is a section of this name."""
        return any(section.name == name for section in self.sections)

    def place(self, name: str) -> str:
        """Return where a section is: 'section 6'. Raises StopIteration if there is none."""
        return next(section.place for section in self.sections if section.name == name)

    def link(self, name: str) -> str:
        """Return a link to a section: '[How This Was Made](#how-this-was-made)'. Raises StopIteration if there is none."""
        return next(f"[{section.title}](#{section.anchor})" for section in self.sections if section.name == name)


def outline(merged: Merged, analysis: AnalysisFile, publication: Publication | None) -> Outline:
    """Return a report's sections; `publication` is that of the study's reference, None if it has none."""
    published = publication.sections if publication else []
    first = [(RESULTS if section.group else str(section.shows), section.title, section.group) for section in published]
    there = {(name, group) for name, _, group in first}
    compared = {(Shows.COLAB.value, None)} & there  # the machines, which are not compared twice
    others = [part for part in _parts(merged, analysis, compared) if (part[0], part[2]) not in there]
    numbered = [
        Section(name, title, number, group, number <= len(first))
        for number, (name, title, group) in enumerate([*first, *others], 1)
    ]
    groups = [section for section in numbered if section.name == RESULTS]
    published_groups = [section for section in groups if section.published]
    names = {group.name for group in merged.study.groups}
    return Outline(
        (Section("summary", "Summary"), *numbered, *_appendices(merged, publication)),
        ends_with_speedups=published_groups[-1] if published_groups and compared else None,
        ends_with_comparisons=next((section for section in reversed(groups) if section.group in names), None),
    )


def _parts(merged: Merged, analysis: AnalysisFile, compared: Collection[object]) -> Iterator[tuple[str, str, str | None]]:
    """Yield the name, title and group of a section for each part of the study."""
    study = merged.study
    yield "setup", "Setup", None
    if study.timing_setups or merged.setups or _baseline_is_timed(merged):
        yield "timing", "Timing Experiments", None
    if study.pairs():
        yield "evaluation", "Evaluation", None
    for group in study.groups:
        yield RESULTS, f"Results & Graphs: {group.title}", group.name
    if not compared and (len(machine_table.machines_used(merged)) > 1 or speedups(merged)):
        yield "machines", "Machines Compared", None
    if analysis.models:
        yield "errors", "Error Pattern Analysis", None
    if study.chat or merged.chat:
        yield "chat", "Chat Agent", None


def _appendices(merged: Merged, publication: Publication | None) -> Iterator[Section]:
    if publication:
        words = " ".join(word[:1].upper() + word[1:] for word in publication.name.split())
        yield Section("claims", f"Appendix: {words}'s Claims and Numbers")
    if merged.study.stability or merged.stability:
        yield Section("stability", "Appendix: Numerical Stability")
    yield Section("files", "File Reference")
    yield Section("how_made", "How This Was Made")


def _baseline_is_timed(merged: Merged) -> bool:
    entry = merged.study.baseline
    summary = summaries.summarize(merged, entry.model, entry.subjects) if entry else None
    return bool(summary and summary.processes)


def speedups(merged: Merged) -> list[summaries.Speedup]:
    """Return the pairs of a model on a GPU and one on the CPU that answered the same questions."""
    in_groups = [summary for group in merged.study.groups for summary in summaries.summarize_group(merged, group)]
    by_model = {summary.model: summary for summary in in_groups}
    return summaries.speedups(by_model.values(), {name: model.machine for name, model in merged.models.items()})


def anchor(heading: str) -> str:
    """Return the anchor that GitHub gives a heading: lower case, no punctuation, a hyphen for each space."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
