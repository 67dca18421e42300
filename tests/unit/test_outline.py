"""The sections of a report and their numbers."""

import pytest
from mmlu_kit.claims.document import Publication, PublishedSection
from mmlu_kit.config import SubjectsOfModel
from mmlu_kit.report import outline
from mmlu_kit.study import Group

from tests.helpers import audits, chats, results

WRITEUP = audits.PUBLISHED.publication


def sections(publication, groups=("small",), **changes):
    """Return the outline of a study with groups of one model each; `changes` are of merged.json."""
    names = [f"model-{group}" for group in groups]
    listed = [Group(name=group, title=group.title(), models=[name]) for group, name in zip(groups, names, strict=True)]
    study = results.study(names, ["anatomy"], groups=listed, baseline=changes.pop("baseline", None))
    merged, table = results.merged(study, {name: {"anatomy": "ABCD"} for name in names})
    merged = merged.model_copy(update=changes)
    return outline.outline(merged, results.analysis(merged, table), publication)


@pytest.mark.parametrize("groups", [("small",), ("medium", "small"), ("z", "small")])
def test_a_study_that_reproduces_the_writeup_has_its_sections_under_its_numbers(groups):
    made = sections(WRITEUP, groups)
    assert [section.heading for section in made.sections[:9]] == [
        "Summary",
        "1. Setup",
        "2. Timing Experiments",
        "3. Extended Evaluation",
        "4. Results & Graphs: Small Models",
        "5. Results & Graphs: Medium Models",
        "6. Error Pattern Analysis",
        "7. Google Colab Experiments",
        "8. Chat Agent",
    ]
    assert all(section.published for section in made.sections[1:9]) and made.ends_with_speedups == made.sections[5]
    assert made.link("chat") == "[Chat Agent](#8-chat-agent)"
    assert made.place("errors") == "section 6" and made.place("claims") == "appendix"
    others = [section.heading for section in made.sections[9:]]
    assert others[:1] == (["9. Results & Graphs: Z"] if "z" in groups else ["Appendix: The Writeup's Claims and Numbers"])


def test_any_other_study_has_consecutive_numbers_over_what_it_has():
    made = sections(None, ("one", "two", "three"), chat=chats.chat())
    assert [(section.number, section.name, section.group) for section in made.sections] == [
        (None, "summary", None),
        (1, "setup", None),
        (2, "evaluation", None),
        (3, "results", "one"),
        (4, "results", "two"),
        (5, "results", "three"),
        (6, "errors", None),
        (7, "chat", None),
        (None, "files", None),
        (None, "how_made", None),
    ]
    assert not any(section.published for section in made.sections) and made.ends_with_comparisons == made.sections[5]
    assert made.place("chat") == "section 7" and not made.has("claims") and made.ends_with_speedups is None


def test_a_baseline_alone_has_a_section_on_timing():
    made = sections(None, baseline=SubjectsOfModel(model="model-small", subjects=["anatomy"]))
    assert [section.name for section in made.sections][1:4] == ["setup", "timing", "evaluation"]


def test_a_publication_may_list_a_few_sections_of_its_own():
    own = [PublishedSection(title="Our models", group="small"), PublishedSection(title="Mistakes", shows="errors")]
    made = sections(Publication(name="the MMLU paper", sections=own), ("small", "large"))
    assert [section.heading for section in made.sections] == [
        "Summary",
        "1. Our models",
        "2. Mistakes",
        "3. Setup",
        "4. Evaluation",
        "5. Results & Graphs: Large",
        "Appendix: The MMLU Paper's Claims and Numbers",
        "File Reference",
        "How This Was Made",
    ]


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [("4. Results & Graphs: Small Models", "4-results--graphs-small-models"), ("1. A_b (é), c", "1-a_b-é-c"), ("<b>", "b")],
)
def test_anchors_are_those_of_github(heading, anchor):
    assert outline.anchor(heading) == anchor
