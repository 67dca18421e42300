# Logs of /usr/bin/time become data.
# Needs:  timings/<model>/<job>.time
# Makes:  timings/processes.json


rule parse_times:
    input:
        code=sources("parse_times.py"),
        logs=expand(f"{RESULTS}/timings/{{process}}", process=PROCESSES),
    output:
        f"{RESULTS}/timings/processes.json",
    log:
        f"{RESULTS}/logs/parse_times.log",
    container:
        image("cpu")
    shell:
        f"{OFFLINE} python workflow/scripts/parse_times.py"
        f" --folder {RESULTS}/timings"
        " --logs {input.logs:q}"
        " --output {output:q}"
        " > {log:q} 2>&1"
