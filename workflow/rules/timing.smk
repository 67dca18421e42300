# Logs of /usr/bin/time become data.
# Needs:  timings/<model>/<job>.time
# Makes:  timings/processes.json


rule parse_times:
    input:
        code=sources("parse_times.py"),
        image=image_files("cpu"),
        logs=expand(f"{RESULTS}/timings/{{process}}", process=PROCESSES),
    output:
        f"{RESULTS}/timings/processes.json",
    log:
        f"{RESULTS}/logs/parse_times.log",
    container:
        image("cpu")
    params:
        study=json.dumps(STUDY, sort_keys=True),
    shell:
        f"{OFFLINE} python workflow/scripts/parse_times.py"
        " --study {params.study:q}"
        f" --folder {RESULTS}/timings"
        " --output {output:q}"
        " > {log:q} 2>&1"
