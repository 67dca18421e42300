# Check of a publication's claims and numbers against this run, if the study names a reference.
# Needs:  merged.json, the results it was made from, the reference (published.yaml, claims.yaml)
# Makes:  claims.json

CLAIMS = [f"{RESULTS}/claims.json"] if REFERENCE else []

if REFERENCE:

    rule audit_claims:
        input:
            **EVIDENCE,
            image=image_files("cpu"),
            merged=f"{RESULTS}/merged.json",
            reference=plain_files(Path(REFERENCE, name) for name in ("published.yaml", "claims.yaml")),
        output:
            f"{RESULTS}/claims.json",
        log:
            f"{RESULTS}/logs/audit_claims.log",
        container:
            image("cpu")
        params:
            **EVIDENCE_PARAMS,
            code=KIT.code("audit_claims.py"),
            reference=[f"--reference={readable(REFERENCE)}"],
        shell:
            f"{OFFLINE} python {PROGRAMS}/audit_claims.py{EVIDENCE_OPTIONS}"
            " {params.reference:q}"
            " --output {output:q}"
            " > {log:q} 2>&1"
