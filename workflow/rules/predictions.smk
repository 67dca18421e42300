# Import another run's answers as evaluations of a model that is not run here.
# Needs:  the CSV file named as predictions in the model's entry, subjects' questions
# Makes:  evaluations/<model>/<subject>.json, without letter probabilities and without timings


rule import_predictions:
    input:
        image=image_files("cpu"),
        predictions=lambda wildcards: local(MODELS[wildcards.model].predictions),
        questions=expand("{folder}/{subject}.jsonl", folder=SUBJECT_FILES, subject=STUDY.subjects),
    output:
        expand(f"{RESULTS}/evaluations/{{{{model}}}}/{{subject}}.json", subject=STUDY.subjects),
    log:
        f"{RESULTS}/logs/import_predictions/{{model}}.log",
    wildcard_constraints:
        model=one_of(IMPORTED),
    localrule: True
    container:
        image("cpu")
    params:
        code=KIT.code("import_predictions.py"),
        chosen=lambda wildcards: [f"--predictions-model={name}" for name in [MODELS[wildcards.model].predictions_model] if name],
        evaluations=subpath(output[0], parent=True),
    shell:
        f"{OFFLINE} python {PROGRAMS}/import_predictions.py"
        " --predictions {input.predictions:q}"
        " {params.chosen:q}"
        " --name {wildcards.model:q}"
        " --questions {input.questions:q}"
        " --evaluations {params.evaluations:q}"
        " > {log:q} 2>&1"
