# Analysis of the models' mistakes.
# Needs:  merged.json, questions.csv, subjects' questions; if config names one, a folder of label checks
# Makes:  analysis.json

LABEL_ERRORS = STUDY.questions.label_errors


rule analyse:
    input:
        image=image_files("cpu"),
        merged=rules.merge.output.merged,
        table=rules.merge.output.table,
        questions=expand("{folder}/{subject}.jsonl", folder=SUBJECT_FILES, subject=STUDY.subjects),
        labels=plain_files(sorted(Path(LABEL_ERRORS).glob("mmlu_*.csv"))) if LABEL_ERRORS else [],
    output:
        f"{RESULTS}/analysis.json",
    log:
        f"{RESULTS}/logs/analyse.log",
    container:
        image("cpu")
    params:
        code=KIT.code("analyse.py"),
        labels=[f"--label-errors={readable(LABEL_ERRORS)}"] if LABEL_ERRORS else [],
    shell:
        f"{OFFLINE} python {PROGRAMS}/analyse.py"
        " --merged {input.merged:q}"
        " --table {input.table:q}"
        " --questions {input.questions:q}"
        " {params.labels:q}"
        " --output {output:q}"
        " > {log:q} 2>&1"
