# Merge all results into two files.
# Needs:  evaluations/<model>/<subject>.json, timings/<model>/<subject>.json (or another machine's in elsewhere/<machine>),
#         timings/processes.json, setups.json, stability.json, chat.json
# Makes:  merged.json (a summary for each model and subject), questions.csv (a row for each model and question)


rule merge:
    input:
        image=image_files("cpu"),
        evaluations=[f"{HOMES[pair]}/evaluations/{pair[0]}/{pair[1]}.json" for pair in PAIRS],
        timings=[f"{HOMES[pair]}/timings/{pair[0]}/{pair[1]}.json" for pair in PAIRS if pair[0] not in IMPORTED],
        processes=rules.parse_times.output,
        setups=SETUPS_FILES,
        stability=STABILITY_FILES,
        chat=CHAT_FILES,
    output:
        merged=report(f"{RESULTS}/merged.json", caption="../report/captions/merged.rst", category="Results"),
        table=f"{RESULTS}/questions.csv",
    log:
        f"{RESULTS}/logs/merge.log",
    container:
        image("cpu")
    params:
        code=KIT.code("merge.py"),
        results=subpath(output.merged, parent=True),
        # A function, since braces in a text would be wildcards; Snakemake's report has it in a script, which '</script>' would end.
        study=lambda wildcards: json.dumps(STUDY.plain(), sort_keys=True).replace("<", r"\u003c"),
        setups=lambda wildcards, input: [f"--setups={path}" for path in input.setups],
        stability=lambda wildcards, input: [f"--stability={path}" for path in input.stability],
        chat=lambda wildcards, input: [f"--chat={path}" for path in input.chat],
    shell:
        f"{OFFLINE} python {PROGRAMS}/merge.py"
        " --study {params.study:q}"
        " --results {params.results:q}"
        " {params.setups:q}"
        " {params.stability:q}"
        " {params.chat:q}"
        " --merged {output.merged:q}"
        " --table {output.table:q}"
        " > {log:q} 2>&1"
