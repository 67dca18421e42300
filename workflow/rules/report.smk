# The report, with a section for each part of the study, and an HTML page with the report and all questions.
# Needs:  merged.json, the results it was made from, analysis.json, claims.json and its reference (if the study has one),
#         run.json, figures, the templates in workflow/report; for the page also questions.csv and the questions' texts
# Makes:  report.md, tables/<table>.csv and .tex, report.html


rule write_report:
    input:
        **EVIDENCE,
        image=image_files("cpu"),
        merged=f"{RESULTS}/merged.json",
        analysis=f"{RESULTS}/analysis.json",
        claims=CLAIMS,
        run=f"{RESULTS}/run.json",
        figures=f"{RESULTS}/figures",
    output:
        report=f"{RESULTS}/report.md",
        tables=directory(f"{RESULTS}/tables"),
    log:
        f"{RESULTS}/logs/write_report.log",
    container:
        image("cpu")
    params:
        **EVIDENCE_PARAMS,
        code=KIT.code("write_report.py", ["workflow/report/*.j2"]),
        reference=[f"--reference={readable(REFERENCE)}"] if REFERENCE else [],
        templates=KIT.path("workflow/report"),
    shell:
        f"{OFFLINE} python {PROGRAMS}/write_report.py{EVIDENCE_OPTIONS}"
        " --analysis {input.analysis:q}" + (" --claims {input.claims:q}" if CLAIMS else "") + " {params.reference:q}"
        " --run {input.run:q}"
        " --templates {params.templates:q}"
        " --output {output.report:q}"
        " --tables {output.tables:q}"
        " > {log:q} 2>&1"


rule write_page:
    input:
        **EVIDENCE,
        image=image_files("cpu"),
        report=f"{RESULTS}/report.md",
        merged=f"{RESULTS}/merged.json",
        table=f"{RESULTS}/questions.csv",
        figures=f"{RESULTS}/figures",
    output:
        report(f"{RESULTS}/report.html", caption="../report/captions/page.rst", category="Report"),
    log:
        f"{RESULTS}/logs/write_page.log",
    container:
        image("cpu")
    params:
        **EVIDENCE_PARAMS,
        code=KIT.code("write_page.py", ["workflow/report/page/*"]),
        page=KIT.path("workflow/report/page"),
    shell:
        f"{OFFLINE} python {PROGRAMS}/write_page.py{EVIDENCE_OPTIONS}"
        " --report {input.report:q}"
        " --page {params.page:q}"
        " --output {output:q}"
        " > {log:q} 2>&1"
