"""Studies: config.yaml checked against its schema and resolved to the one study that is asked for.

A resolved study is plain data (it travels as JSON to the merge stage):
`name, title, notice, subjects, questions {name, path | repository + commit, label_errors}, models {name: entry}, baseline
{model, subjects} | null, stability {model, subjects} | null, groups [{name, title, models}], only [part], timing_setups
{model, subjects, repeats, setups [{name, number, device, dtype, quantization, on_unavailable}]} | null, chat {models,
strategies, distances, trials, timed, max_new_tokens, seed} | null`. A model that is not run has `predictions,
predictions_model | null, description` alone.
"""

import difflib
from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from . import setups
from .problems import Problem

# What a study may have beside its groups, and `only` may name.
PARTS = ("baseline", "timing_setups", "stability", "chat")
# All that is known of a model whose answers are another run's.
IMPORTED = ("predictions", "predictions_model", "description")
SCHEMA = Path(__file__).parents[2] / "schemas" / "config.schema.yaml"


def resolve(config: dict) -> dict:
    """The study that `config['study']` names, with defaults filled in; anything invalid is a Problem naming its key."""
    given, config = config, _with_defaults(config)
    study = _named(config["studies"], config["study"], "study")
    only = [config["only"]] if isinstance(config["only"], str) else config["only"]
    parts = [*study["groups"], *(name for name in PARTS if name in study)]
    for name in only:
        if name not in parts:
            raise Problem(f"config: only: the study '{config['study']}' has no group '{name}'; it has {_listed(parts)}")
    groups = [{"name": name, **group} for name, group in study["groups"].items() if not only or name in only]
    chosen = {name: study.get(name) if not only or name in only else None for name in PARTS}
    for key, part in chosen.items():
        for subject in part.get("subjects", []) if part else []:
            if subject not in study["subjects"]:
                raise Problem(f"config: studies.{config['study']}.{key}: '{subject}' is not among the study's subjects")
    used = [name for part in chosen.values() if part for name in part.get("models", [part.get("model")])]
    for name in used:
        if "predictions" in config["models"].get(name, {}):
            where = f"config: studies.{config['study']}"
            raise Problem(f"{where}: '{name}' has predictions alone and cannot be run: name it in groups only")
    used += [name for group in groups for name in group["models"]]
    models = {name: _named(config["models"], name, "model") for name in dict.fromkeys(used)}
    for name, model in models.items():
        if "predictions" in model:
            models[name] = _imported(given["models"][name], f"config: models.{name}")
        else:
            _check_source(model, f"config: models.{name}")
    questions = _named(config["questions"], study["questions"], "questions")
    _check_source(questions, f"config: questions.{study['questions']}")
    labels = questions["label_errors"]
    if labels and not Path(labels).is_dir():
        raise Problem(f"config: questions.{study['questions']}.label_errors: there is no folder {labels}")
    return {
        "name": config["study"],
        "title": study["title"],
        "notice": study["notice"].strip(),
        "subjects": study["subjects"],
        "questions": {"name": study["questions"], **questions},
        "models": models,
        "groups": groups,
        **chosen,
        "chat": _chat(chosen["chat"], f"config: studies.{config['study']}.chat"),
        "timing_setups": _timing_setups(chosen["timing_setups"], models, f"config: studies.{config['study']}.timing_setups"),
        "only": only,
    }


def _timing_setups(asked: dict | None, models: dict, where: str) -> dict | None:
    """The timing setups with what a setup leaves to its model filled in, and with names."""
    if asked is None:
        return None
    numbers = [setup["number"] for setup in asked["setups"]]
    if len(set(numbers)) < len(numbers):
        raise Problem(f"{where}: two setups have the same number")
    complete = [{"dtype": models[asked["model"]]["dtype"], **setup} for setup in asked["setups"]]
    return {**asked, "setups": [{"name": setups.name(setup), **setup} for setup in complete]}


def _chat(asked: dict | None, where: str) -> dict | None:
    """The chat experiment, where it has what every strategy is compared with."""
    for strategy in ("full", "none") if asked else ():
        if strategy not in asked["strategies"]:
            raise Problem(f"{where}.strategies: '{strategy}' is missing, with which the others are compared: add it")
    return asked


def model_entry(config: dict, name: str) -> dict:
    """What config says of one model, with defaults filled in, whether a study uses it or not."""
    return _named(_with_defaults(config)["models"], name, "model")


def pairs(study: dict) -> list[tuple[str, str]]:
    """Every (model, subject) that a resolved study evaluates, each once, in the order the report lists them."""
    found = [(study["baseline"]["model"], subject) for subject in study["baseline"]["subjects"]] if study["baseline"] else []
    for group in study["groups"]:
        found += [(model, subject) for model in group["models"] for subject in study["subjects"]]
    return list(dict.fromkeys(found))


def imported(study: dict) -> list[str]:
    """Models that are not run, as their answers are imported."""
    return [name for name, model in study["models"].items() if "predictions" in model]


def loaded_once(study: dict) -> list[str]:
    """Models that are loaded once for all subjects; the others, and a mere baseline, have a job for each subject."""
    found = [model for group in study["groups"] for model in group["models"] if study["models"][model].get("load_once")]
    return list(dict.fromkeys(found))


def process(study: dict, model: str, subject: str) -> str:
    """The name of the /usr/bin/time log of the process that evaluates a model on a subject, below timings/."""
    return f"{model}/{'together' if model in loaded_once(study) else subject}.time"


def _with_defaults(config: dict) -> dict:
    """A copy of `config` that is valid and complete; the first error found is a Problem naming its key."""
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    config = deepcopy(config)
    validator = _FillingValidator(schema)
    error = jsonschema.exceptions.best_match(validator.iter_errors(config))
    if error:
        key = ".".join(str(part) for part in error.absolute_path)
        raise Problem(f"config: {key + ': ' if key else ''}{_explained(error)}")
    return config


def _explained(error: jsonschema.ValidationError) -> str:
    """The validator's message, cut to a line, with the likeliest spelling of a key or value that is not among those allowed."""
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        unknown = [str(name) for name in error.instance if name not in known]
        near = [name for one in unknown for name in difflib.get_close_matches(one, known, n=1)]
        return f"{error.message[:300]}; did you mean '{near[0]}'?" if near else error.message[:300]
    if error.validator != "enum":
        return error.message[:300]
    near = difflib.get_close_matches(str(error.instance), error.validator_value, n=1)
    known = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(error.validator_value)}"
    return f"'{error.instance}' is not known; {known}"


def _fill_defaults(validator: Any, properties: dict, instance: Any, schema: dict) -> Iterable:
    # jsonschema leaves defaults to its users; filling them as a property is visited is its documented recipe.
    if isinstance(instance, dict):
        for name, part in properties.items():
            if "default" in part:
                instance.setdefault(name, deepcopy(part["default"]))
    yield from jsonschema.Draft202012Validator.VALIDATORS["properties"](validator, properties, instance, schema)


_FillingValidator = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"properties": _fill_defaults})


def _named(entries: dict, name: str, what: str) -> dict:
    if name not in entries:
        raise Problem(f"config: there is no {what} '{name}'; known: {_listed(entries)}")
    return entries[name]


def _imported(entry: dict, where: str) -> dict:
    """The entry of a model whose answers are imported, as it was given: settings of a run would say what nobody knows."""
    more = set(entry) - set(IMPORTED)
    if more:
        raise Problem(f"{where}: {_listed(more)} cannot be set where another run's 'predictions' are imported")
    if not Path(entry["predictions"]).is_file():
        raise Problem(f"{where}.predictions: there is no file {entry['predictions']}")
    return {"description": "", "predictions_model": None, **entry}


def _check_source(entry: dict, where: str) -> None:
    """A source is a local folder that exists, or a repository at a commit; not both."""
    keys = {"path", "repository", "commit"} & set(entry)
    if keys not in ({"path"}, {"repository", "commit"}):
        raise Problem(f"{where}: needs either 'path' or 'repository' with 'commit'; it has {_listed(keys) or 'neither'}")
    if "path" in entry and not Path(entry["path"]).is_dir():
        why = ": write your home's path out, as ~ is no folder" if entry["path"].startswith("~") else ""
        raise Problem(f"{where}.path: there is no folder {entry['path']}{why}")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
