# The report, with the writeup's sections, and an HTML page with the report and all questions.
# Needs:  merged.json, analysis.json, claims.json, run.json, figures, the templates in workflow/report; for the page also
#         questions.csv and the questions' texts
# Makes:  report.md, report.html


rule write_report:
    input:
        image=image_files("cpu"),
        merged=rules.merge.output.merged,
        analysis=rules.analyse.output,
        claims=rules.audit_claims.output,
        run=f"{RESULTS}/run.json",
        figures=rules.draw_figures.output,
    output:
        f"{RESULTS}/report.md",
    log:
        f"{RESULTS}/logs/write_report.log",
    container:
        image("cpu")
    params:
        code=KIT.code("write_report.py", ["workflow/report/*.j2"]),
        templates=KIT.path("workflow/report"),
    shell:
        f"{OFFLINE} python {PROGRAMS}/write_report.py"
        " --merged {input.merged:q}"
        " --analysis {input.analysis:q}"
        " --claims {input.claims:q}"
        " --run {input.run:q}"
        " --templates {params.templates:q}"
        " --output {output:q}"
        " > {log:q} 2>&1"


rule write_page:
    input:
        image=image_files("cpu"),
        report=rules.write_report.output,
        merged=rules.merge.output.merged,
        table=rules.merge.output.table,
        figures=rules.draw_figures.output,
        questions=[f"{SUBJECT_FILES}/{subject}.jsonl" for subject in dict.fromkeys(subject for _, subject in PAIRS)],
    output:
        report(f"{RESULTS}/report.html", caption="../report/captions/page.rst", category="Report"),
    log:
        f"{RESULTS}/logs/write_page.log",
    container:
        image("cpu")
    params:
        code=KIT.code("write_page.py", ["workflow/report/page/*"]),
        page=KIT.path("workflow/report/page"),
    shell:
        f"{OFFLINE} python {PROGRAMS}/write_page.py"
        " --report {input.report:q}"
        " --merged {input.merged:q}"
        " --table {input.table:q}"
        " --questions {input.questions:q}"
        " --page {params.page:q}"
        " --output {output:q}"
        " > {log:q} 2>&1"
