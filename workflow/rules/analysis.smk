# Analysis of the models' mistakes.
# Needs:  merged.json, questions.csv, the results they were made from; if config names one, a folder of label checks
# Makes:  analysis.json

LABEL_ERRORS = STUDY.questions.label_errors


rule analyse:
    input:
        **EVIDENCE,
        image=image_files("cpu"),
        merged=f"{RESULTS}/merged.json",
        table=f"{RESULTS}/questions.csv",
        labels=plain_files(sorted(Path(LABEL_ERRORS).glob("mmlu_*.csv"))) if LABEL_ERRORS else [],
    output:
        f"{RESULTS}/analysis.json",
    log:
        f"{RESULTS}/logs/analyse.log",
    container:
        image("cpu")
    params:
        **EVIDENCE_PARAMS,
        code=KIT.code("analyse.py"),
        labels=[f"--label-errors={readable(LABEL_ERRORS)}"] if LABEL_ERRORS else [],
    shell:
        f"{OFFLINE} python {PROGRAMS}/analyse.py{EVIDENCE_OPTIONS}"
        " {params.labels:q}"
        " --output {output:q}"
        " > {log:q} 2>&1"
