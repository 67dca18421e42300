# Check of the writeup's claims and numbers against this run.
# Needs:  merged.json, the results it was made from, analysis.json, workflow/reference (the writeup's numbers and claims)
# Makes:  claims.json


rule audit_claims:
    input:
        **EVIDENCE,
        image=image_files("cpu"),
        merged=rules.merge.output.merged,
        analysis=f"{RESULTS}/analysis.json",
    output:
        f"{RESULTS}/claims.json",
    log:
        f"{RESULTS}/logs/audit_claims.log",
    container:
        image("cpu")
    params:
        **EVIDENCE_PARAMS,
        code=KIT.code("audit_claims.py", ["workflow/reference/*.yaml"]),
        reference=KIT.path("workflow/reference"),
    shell:
        f"{OFFLINE} python {PROGRAMS}/audit_claims.py{EVIDENCE_OPTIONS}"
        " --analysis {input.analysis:q}"
        " --reference {params.reference:q}"
        " --output {output:q}"
        " > {log:q} 2>&1"
