"""What the report's templates are filled with: numbers and choices of sentences, all from merged.json, analysis.json,
claims.json and run.json."""

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import jinja2

from mmlu_kit import formatting, settings, subjects
from mmlu_kit.models import memory
from mmlu_kit.report import captions, chat_section, machine_table
from mmlu_kit.results import summaries

# What a study may have beside its groups, as sentences call it, and where the report has it.
PARTS = {
    "baseline": ("baseline", "section 1"),
    "timing_setups": ("timing setups", "section 2"),
    "chat": ("chat models", "section 8"),
    "stability": ("stability measurement", "appendix"),
}


def render(merged: dict, analysis: dict, audit: dict, run: dict, templates: Path) -> str:
    """The report's Markdown text, from the contents of merged.json, analysis.json, claims.json and run.json and the
    templates in a folder."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown, not HTML
    )
    environment.filters.update(
        **formatting.FORMS,
        spread=formatting.spread,
        quantity=formatting.quantity,
        machine=formatting.machine,
        title=subjects.title,
        configuration=settings.in_words,
    )
    return environment.get_template("report.md.j2").render(context(merged, analysis, audit, run))


def context(merged: dict, analysis: dict, audit: dict, run: dict) -> dict[str, Any]:
    """Everything the templates name."""
    study = merged["study"]
    groups = {group["name"]: group_context(merged, group) for group in study["groups"]}
    shown = list(dict.fromkeys(model["model"] for group in groups.values() for model in group["models"]))
    ran = summaries.order(merged)
    return {
        "study": study,
        "merged": merged,
        "analysis": analysis,
        "audit": audit,
        # Keys of JSON files are sorted; models that only chatted stand last.
        "run": {**run, "models": {name: run["models"][name] for name in [*ran, *run["models"]] if name in run["models"]}},
        "models": {name: merged["models"][name] for name in ran},
        "machines": machine_table.compared(merged),
        "beside_weights": memory.BESIDE_WEIGHTS,
        "baseline": baseline(merged),
        "absent": {part: absent(study, part) for part in PARTS},
        "beside": beside(merged),
        "groups": groups,
        "speedups": summaries.speedups(
            {model["model"]: model for group in groups.values() for model in group["models"]}.values(),
            {name: model["machine"] for name, model in merged["models"].items()},
        ),
        "not_run": not_run(merged, study["models"]),
        "subjects": summaries.by_subject(merged, shown),
        "labels": {model: summaries.label(merged, model) for model in ran},
        "difficulty": difficulty(merged, shown, analysis["difficulty"]["order"]),
        "confidence": {m["model"]: confidence(m["calibration"]["bins"]) for m in analysis["models"] if m["calibration"]},
        "chat": chat_section.section(merged["chat"]),
        "alt": {
            **{figure: alt(figure, analysis["models"]) for figure in captions.ERROR_FIGURES},
            "chat_recall": chat_section.alt(merged["chat"]),
        },
        "files": file_reference(merged, analysis),
    }


def group_context(merged: dict, group: dict) -> dict[str, Any]:
    """A group's summaries, subjects, and how its first and last model by parameters compare."""
    models = summaries.of_group(merged, group)
    sizes = {name: model["parameters"] for name, model in merged["models"].items()}
    sized = sorted((model for model in models if sizes[model["model"]] is not None), key=lambda model: sizes[model["model"]])
    grows = len({sizes[model["model"]] for model in sized}) == len(sized) > 1
    timed = [model for model in models if model["real_s"]]
    names = [model["model"] for model in models]
    return {
        **group,
        "models": models,
        "subjects": summaries.by_subject(merged, names),
        "smallest": sized[0] if grows else None,  # no word on size where models share one
        "largest": sized[-1] if grows else None,
        "rises": all(a["accuracy"] < b["accuracy"] for a, b in pairwise(sized)),
        "parallelism": [model["cpu_s"] / model["real_s"] for model in models if model["real_s"]],
        "machines": [
            (merged["machines"][place], [model["label"] for model in timed if model["machine"] == place])
            for place in dict.fromkeys(model["machine"] for model in timed)
        ],
        "imported": [model["model"] for model in models if summaries.imported(merged, model["model"])],
        "resumed": [model["model"] for model in models if model["resumed"]],
        "not_run": not_run(merged, group["models"]),
        "unmeasured": unmeasured(models),
        "alt": {
            figure: f"{text[0].upper()}{text[1:]}: "
            + ", ".join(
                f"{model['label']} {formatting.percent(model['accuracy'])}"
                + (f" in {formatting.duration(model['real_s'])}" if model["real_s"] is not None else "")
                for model in models
            )
            for figure, text in captions.FIGURES.items()
        },
    }


def baseline(merged: dict) -> dict[str, Any] | None:
    """The baseline model's summary over its own subjects, each subject's, and its processes; None where it did not run."""
    asked = merged["study"]["baseline"]
    if not asked:
        return None
    summary = summaries.summarize(merged, asked["model"], asked["subjects"])
    if not summary:
        return None
    each = [(subject, summaries.summarize(merged, asked["model"], [subject])) for subject in asked["subjects"]]
    effective = merged["models"][asked["model"]]["effective"]
    return {
        "model": asked["model"],
        "summary": summary,
        "subjects": [(subject, found) for subject, found in each if found],
        "effective": effective,
    }


def absent(study: dict, part: str) -> str:
    """Why the report has nothing of a part of the study."""
    name, _ = PARTS[part]
    if study[part]:
        return f"There is no result of the study's {name}."
    # Whether the whole study asks for it is not known where only a part of the study was run.
    return f"The part of the study that was run has no {name}." if study["only"] else f"This study asks for no {name}."


def beside(merged: dict) -> list[str]:
    """What ran beside the evaluations, each with where the report has it."""
    chatted = merged["chat"] and any(model["effective"] for model in merged["chat"]["models"])
    timed = merged["setups"] and merged["setups"]["configurations"]
    there = {"timing_setups": timed, "chat": chatted, "stability": merged["stability"]}
    return ["{} ({})".format(*PARTS[part]) for part, found in there.items() if found]


def not_run(merged: dict, models: Iterable[str]) -> list[dict[str, Any]]:
    """Of these models, those that the machine could not run as asked: `model, reason, subjects`."""
    chosen = set(models)
    found: dict[tuple[str, str], list[str]] = {}
    for one in merged["not_run"]:
        if one["model"] in chosen:
            found.setdefault((one["model"], one["reason"]), []).append(one["subject"])
    return [{"model": model, "reason": reason, "subjects": names} for (model, reason), names in found.items()]


def unmeasured(models: Iterable[dict]) -> list[tuple[str, list[str]]]:
    """(reason, what could not be measured for it) over models."""
    named = {
        "real_s": "the time of all subjects",
        "gpu_s": "GPU time",
        "gpu_energy_j": "GPU energy",
        "peak_gpu_bytes": "peak GPU memory",
    }
    found: dict[str, list[str]] = {}
    for model in models:
        for key, reason in model["reasons"].items():
            if key in named:
                found.setdefault(reason, []).append(named[key])
    return [(reason, list(dict.fromkeys(keys))) for reason, keys in found.items()]


def difficulty(merged: dict, models: list[str], order: list[str]) -> list[dict[str, Any]]:
    """Subjects in an order (hardest first), each with the models' accuracies and their mean."""
    rows = {row["subject"]: row for row in summaries.by_subject(merged, models)}
    return [{**rows[name], "mean": sum(rows[name]["accuracy"].values()) / len(rows[name]["accuracy"])} for name in order]


def confidence(bins: list[dict]) -> float:
    """The mean confidence over the bins of a calibration."""
    filled = [one for one in bins if one["count"]]
    return sum(one["count"] * one["confidence"] for one in filled) / sum(one["count"] for one in filled)


def alt(figure: str, models: list[dict]) -> str:
    """The text that stands for a figure of the error analysis where it cannot be seen: what it shows, and its numbers."""
    numbers = {
        "answer_outcomes": lambda model: ", ".join(
            f"{model['generated'][key]} {word}"
            for key, word in (("correct", "right"), ("wrong", "wrong"), ("unparsed", "unreadable"))
        ),
        "letter_bias": lambda model: " ".join(
            f"{key} {formatting.percent(one['share'])}" for key, one in model["letters"].items()
        ),
        "reliability": lambda model: f"calibration error {formatting.percent(model['calibration']['ece'])}",
    }
    models = [model for model in models if figure != "reliability" or model["calibration"]]
    about = numbers.get(figure, lambda model: formatting.percent(model["best_letter"]["accuracy"]))
    return f"{captions.ERROR_FIGURES[figure]}: " + "; ".join(f"{model['label']} {about(model)}" for model in models)


def file_reference(merged: dict, analysis: dict) -> list[tuple[str, str]]:
    """(path below results/<study>, what it is) of every file that the run made."""
    found = [
        ("report.md", "this report"),
        ("merged.json", "summary of every model and subject, times, machines; its form is in `workflow/schemas`"),
        ("report.html", "the report and all questions in one page that can be searched, for a browser without a network"),
        ("questions.csv", "one row for each model and question: answer, probabilities of the letters, right or wrong"),
        ("analysis.json", "what the mistakes say: every number of section 6, and more"),
        ("claims.json", "the writeup's claims and numbers beside this run's"),
        ("run.json", "what this run consists of: code, command line, locks, images, models, questions, machines"),
        ("provenance.json", "the same, with every job's command line, start and end, and the SHA-256 of every file but logs"),
        ("ro-crate-metadata.json", "the same as a Workflow Run RO-Crate, which other programs read"),
        ("Snakefile", "the entry of the workflow that made this folder, for the crate"),
        ("timings/processes.json", "all logs of `/usr/bin/time` as data"),
    ]
    shown = [group for group in merged["study"]["groups"] if summaries.of_group(merged, group)]
    for group in shown:
        for figure, text in captions.FIGURES.items():
            found += [(f"figures/{group['name']}_{figure}.{form}", f"{group['title']}: {text}") for form in ("png", "svg")]
    calibrated = sum(model["calibration"] is not None for model in analysis["models"])
    for figure in captions.drawable(len(analysis["models"]), calibrated):
        found += [(f"figures/{figure}.{form}", captions.ERROR_FIGURES[figure]) for form in ("png", "svg")]
    ran = summaries.order(merged)
    listed = sorted(merged["results"], key=lambda result: ran.index(result["model"]))
    for result in listed:
        model, subject = result["model"], result["subject"]
        place = f"{result['source']}/" if result["source"] else ""
        found.append((f"{place}evaluations/{model}/{subject}.json", f"answers of {model}, {subjects.title(subject)}"))
        if not summaries.imported(merged, model):
            found.append((f"{place}timings/{model}/{subject}.json", f"what they took, measured inside the program ({model})"))
    for one in merged["not_run"]:
        for folder in ("evaluations", "timings"):
            found.append((f"{folder}/{one['model']}/{one['subject']}.json", f"why {one['model']} was not run"))
    brought = {(result["source"], result["process"]) for result in merged["results"] if result["source"]}
    for source, process in sorted(brought):
        if process in merged["processes"]:
            path = process.replace(f"{source}/", f"{source}/timings/", 1)
            found.append((path, "log of `/usr/bin/time` around the whole process on another machine"))
    for model in ran:
        if summaries.imported(merged, model):
            found.append((f"logs/import_predictions/{model}.log", f"what the program said ({model})"))
    here = [result["process"] for result in listed if result["process"] and not result["source"]]
    for process in dict.fromkeys(here):
        model, _, job = process.removesuffix(".time").partition("/")
        program = "evaluate_together" if job == "together" else "evaluate"
        found.append((f"timings/{process}", f"log of `/usr/bin/time` around the whole process ({model})"))
        log = f"logs/{program}/{model}.log" if job == "together" else f"logs/{program}/{model}/{job}.log"
        found.append((log, f"what the program said ({model})"))
    if merged["setups"]:
        found.append(("setups.json", "every run of the timing setups, and how they compare"))
        found.append(("logs/compare_setups.log", "what `compare_setups.py` said"))
        for run in merged["setups"]["runs"]:
            place = f"run_{run['repeat']}/{run['setup']}"
            found.append((f"setups/{place}.txt", "log of `/usr/bin/time` around the whole process"))
            found.append((f"logs/time_setup/{place}.log", "what the program said"))
            for subject in merged["setups"]["subjects"]:
                found.append((f"setups/{place}/evaluations/{subject}.json", "answers, or why it was not run"))
                found.append((f"setups/{place}/timings/{subject}.json", "what they took"))
    if merged["stability"]:
        found.append(("stability.json", "the same questions scored in eight ways: each answer, and what changed"))
        found.append(("logs/measure_stability.log", "what `measure_stability.py` said"))
    found += chat_section.files(merged["chat"])
    programs = ("parse_times", "merge", "analyse", "audit_claims", "draw_figures", "write_report", "write_page")
    programs += ("describe_run", "record_provenance")
    found += [(f"logs/{name}.log", f"what `{name}.py` said") for name in programs]
    return found
