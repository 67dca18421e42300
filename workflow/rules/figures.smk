# The figures of the writeup, once for each group of models.
# Needs:  merged.json
# Makes:  figures/<group>_<figure>.svg and .png


rule draw_figures:
    input:
        code=sources("draw_figures.py"),
        image=image_files("cpu"),
        merged=rules.merge.output.merged,
    output:
        expand(
            f"{RESULTS}/figures/{{group}}_{{figure}}.{{form}}",
            group=GROUPS,
            figure=["overall_accuracy", "subject_heatmap", "efficiency", "timing_comparison", "time_ledger"],
            form=["svg", "png"],
        ),
    log:
        f"{RESULTS}/logs/draw_figures.log",
    container:
        image("cpu")
    shell:
        f"{OFFLINE} python workflow/scripts/draw_figures.py"
        " --merged {input.merged:q}"
        f" --folder {RESULTS}/figures"
        " > {log:q} 2>&1"
