# Merge all results into two files.
# Needs:  evaluations/<model>/<subject>.json, timings/<model>/<subject>.json (or another machine's in elsewhere/<machine>),
#         timings/processes.json, setups.json, stability.json, chat.json; what these were made from: the questions, the models'
#         manifests, files of predictions
# Makes:  merged.json (a summary for each model and subject), questions.csv (a row for each model and question)

# The results, and what they were made from. Later rules need them too: each checks that merged.json is what they give.
# Rules that need them name all other inputs by their paths. With `rules.merge.output` among them, Snakemake would hash every
# one of these files once for each of them: 20 models with 57 subjects took 21 s of processor time to plan, not 13 s.
EVIDENCE = {
    "evaluations": [f"{HOMES[pair]}/evaluations/{pair[0]}/{pair[1]}.json" for pair in PAIRS],
    "timings": [f"{HOMES[pair]}/timings/{pair[0]}/{pair[1]}.json" for pair in RUN],
    "processes": f"{RESULTS}/timings/processes.json",
    "setups": SETUPS_FILES,
    "stability": STABILITY_FILES,
    "chat": CHAT_FILES,
    "questions": QUESTIONS,
    "manifests": MANIFESTS,
    "predictions": [local(MODELS[name].predictions) for name in PREDICTED],
}


rule merge:
    input:
        **EVIDENCE,
        image=image_files("cpu"),
    output:
        merged=report(f"{RESULTS}/merged.json", caption="../report/captions/merged.rst", category="Results"),
        table=f"{RESULTS}/questions.csv",
    log:
        f"{RESULTS}/logs/merge.log",
    container:
        image("cpu")
    params:
        **EVIDENCE_PARAMS,
        code=KIT.code("merge.py"),
    shell:
        f"{OFFLINE} python {PROGRAMS}/merge.py{EVIDENCE_OPTIONS}"
        " --merged {output.merged:q}"
        " --table {output.table:q}"
        " > {log:q} 2>&1"
