# The figures: those of each group of models, of the error analysis and of the chat models, where there is something to draw.
# Needs:  merged.json, the results it was made from, analysis.json
# Makes:  figures/<group>_<figure>.svg and .png, figures/<figure>.svg and .png
# Which figures exist depends on the models that ran, so the output is their folder.
from mmlu_kit.report import captions


rule draw_figures:
    input:
        **EVIDENCE,
        image=image_files("cpu"),
        merged=f"{RESULTS}/merged.json",
        analysis=f"{RESULTS}/analysis.json",
    output:
        report(
            directory(f"{RESULTS}/figures"),
            patterns=["{name}.png"],
            caption="../report/captions/figure.rst",
            category="Figures",
            labels={"figure": "{name}"},
        ),
    log:
        f"{RESULTS}/logs/draw_figures.log",
    container:
        image("cpu")
    params:
        **EVIDENCE_PARAMS,
        code=KIT.code("draw_figures.py"),
        captions=captions.by_file(group.name for group in STUDY.groups),  # for captions/figure.rst
    shell:
        f"{OFFLINE} python {PROGRAMS}/draw_figures.py{EVIDENCE_OPTIONS}"
        " --analysis {input.analysis:q}"
        " --folder {output:q}"
        " > {log:q} 2>&1"
