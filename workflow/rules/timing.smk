# Parse logs of /usr/bin/time.
# Needs:  timings/<model>/<job>.time, those of other machines in elsewhere/<machine>/timings
# Makes:  timings/processes.json


rule parse_times:
    input:
        image=image_files("cpu"),
        logs=PROCESSES,
    output:
        f"{RESULTS}/timings/processes.json",
    log:
        f"{RESULTS}/logs/parse_times.log",
    container:
        image("cpu")
    params:
        code=KIT.code("parse_times.py"),
        results=subpath(output[0], ancestor=2),
    shell:
        f"{OFFLINE} python {PROGRAMS}/parse_times.py"
        " --results {params.results:q}"
        " --logs {input.logs:q}"
        " --output {output:q}"
        " > {log:q} 2>&1"
