"""Braces and format fields in config and in files' names are text, never wildcards of Snakemake or fields of a command."""

import json
import shlex
import shutil

TEXT = "{model} {{x}} { } {0} {input.merged:q} %s %(x)s $HOME `id` </script><!--"


def test_braces_in_texts_and_in_names_of_files_are_no_wildcards(workflow_copy, snakemake):
    for name, source in (("models/demo-small", "m"), ("questions", "q")):
        shutil.copytree(workflow_copy / "workflow/demo" / name, workflow_copy / source)
    (workflow_copy / "labels").mkdir()
    for name in ("m/x{model}.json", "q/test/astronomy_{x}.csv", "labels/mmlu_astronomy.csv", "labels/mmlu_{model}.csv"):
        (workflow_copy / name).touch()
    (workflow_copy / "p.csv").write_text("subject,test_index,model,prediction\nastronomy,0,x,A\n")
    group = {"title": TEXT, "models": ["demo-small", "demo-medium", "theirs"]}
    config = {
        "models": {
            "demo-small": {"path": "m", "description": TEXT},
            "theirs": {"predictions": "p.csv", "predictions_model": TEXT, "description": TEXT},
        },
        "questions": {"demo": {"path": "q", "label_errors": "labels"}},
        "studies": {"smoke": {"title": TEXT, "notice": TEXT, "groups": {"small": group}}},
    }
    (workflow_copy / "mine.json").write_text(json.dumps(config))
    options = ["--cores", "1", "--dry-run", "--printshellcmds", "--configfile", "mine.json", "--config", "study=smoke"]
    process = snakemake(workflow_copy, *options)
    assert process.returncode == 0, process.stdout + process.stderr
    commands = (process.stdout + process.stderr).splitlines()
    (merge,) = [line for line in commands if "/merge.py " in line]
    words = shlex.split(merge)
    text = words[words.index("--study") + 1]
    assert "<" not in text  # which would end the script of `snakemake --report` that has it
    study = json.loads(text)
    assert study["title"] == study["notice"] == study["groups"][0]["title"] == TEXT
    assert study["models"]["demo-small"]["description"] == TEXT
    (imported,) = [line for line in commands if "/import_predictions.py " in line]
    assert f"--predictions-model={TEXT}" in shlex.split(imported)
