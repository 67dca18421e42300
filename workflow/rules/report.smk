# The report, with the writeup's sections, and an HTML page with the report and all questions.
# Needs:  merged.json, analysis.json, claims.json, run.json, figures, the templates in workflow/report; for the page also
#         questions.csv and the questions' texts
# Makes:  report.md, report.html


rule write_report:
    input:
        code=sources("write_report.py"),
        image=image_files("cpu"),
        templates=sorted(map(str, Path("workflow/report").glob("*.j2"))),
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
    shell:
        f"{OFFLINE} python workflow/scripts/write_report.py"
        " --merged {input.merged:q}"
        " --analysis {input.analysis:q}"
        " --claims {input.claims:q}"
        " --run {input.run:q}"
        " --templates workflow/report"
        " --output {output:q}"
        " > {log:q} 2>&1"


rule write_page:
    input:
        code=sources("write_page.py"),
        image=image_files("cpu"),
        page=sorted(map(str, Path("workflow/report/page").iterdir())),
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
    shell:
        f"{OFFLINE} python workflow/scripts/write_page.py"
        " --report {input.report:q}"
        " --merged {input.merged:q}"
        " --table {input.table:q}"
        " --questions {input.questions:q}"
        " --page workflow/report/page"
        " --output {output:q}"
        " > {log:q} 2>&1"
