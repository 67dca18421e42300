# Check of the writeup's claims and numbers against this run.
# Needs:  merged.json, analysis.json, workflow/reference (the writeup's numbers and claims)
# Makes:  claims.json


rule audit_claims:
    input:
        code=sources("audit_claims.py"),
        image=image_files("cpu"),
        reference=expand("workflow/reference/{name}.yaml", name=["published", "claims"]),
        merged=rules.merge.output.merged,
        analysis=f"{RESULTS}/analysis.json",
    output:
        f"{RESULTS}/claims.json",
    log:
        f"{RESULTS}/logs/audit_claims.log",
    container:
        image("cpu")
    shell:
        f"{OFFLINE} python workflow/scripts/audit_claims.py"
        " --merged {input.merged:q}"
        " --analysis {input.analysis:q}"
        " --reference workflow/reference"
        " --output {output:q}"
        " > {log:q} 2>&1"
