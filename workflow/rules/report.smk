# The report, section by section as the writeup has it.
# Needs:  merged.json, questions.csv, figures, the templates in workflow/report
# Makes:  report.md


rule write_report:
    input:
        code=sources("write_report.py"),
        image=image_files("cpu"),
        templates=sorted(map(str, Path("workflow/report").glob("*.j2"))),
        merged=rules.merge.output.merged,
        table=rules.merge.output.table,
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
        " --table {input.table:q}"
        " --templates workflow/report"
        " --output {output:q}"
        " > {log:q} 2>&1"
