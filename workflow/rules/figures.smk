# The figures of the writeup, once for each group of models.
# Needs:  merged.json
# Makes:  figures/<group>_<figure>.svg and .png

FIGURES = ["overall_accuracy", "subject_heatmap", "efficiency", "timing_comparison", "time_ledger"]


rule draw_figures:
    input:
        code=sources("draw_figures.py"),
        image=image_files("cpu"),
        merged=rules.merge.output.merged,
    output:
        expand(f"{RESULTS}/figures/{{group}}_{{figure}}.svg", group=GROUPS, figure=FIGURES),
        [
            report(
                f"{RESULTS}/figures/{group}_{figure}.png",
                caption=f"../report/captions/{figure}.rst",
                category="Figures",
                subcategory=f"{group} models",
                labels={"figure": figure.replace("_", " "), "models": group},
            )
            for group in GROUPS
            for figure in FIGURES
        ],
    log:
        f"{RESULTS}/logs/draw_figures.log",
    container:
        image("cpu")
    shell:
        f"{OFFLINE} python workflow/scripts/draw_figures.py"
        " --merged {input.merged:q}"
        f" --folder {RESULTS}/figures"
        " > {log:q} 2>&1"
