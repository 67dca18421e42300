# Whether answers depend on batching, threads or the number format (the report's appendix).
# Needs:  a model's manifest, subjects' questions
# Makes:  stability.json

STABILITY = STUDY.stability
# Empty if the study does not measure stability, or if a partial report has no such file yet.
STABILITY_FILES = [f"{RESULTS}/stability.json"] if STABILITY else []
if CONFIG.partial:
    STABILITY_FILES = [path for path in STABILITY_FILES if Path(path).exists()]

if STABILITY:
    STABILITY_MODEL = MODELS[STABILITY.model]

    rule measure_stability:
        input:
            image=image_files(STABILITY_MODEL.device),
            model=manifest_of(STABILITY.model),
            questions=expand("{folder}/{subject}.jsonl", folder=SUBJECT_FILES, subject=STABILITY.subjects),
        output:
            f"{RESULTS}/stability.json",
        log:
            f"{RESULTS}/logs/measure_stability.log",
        container:
            image(STABILITY_MODEL.device)
        threads: 2
        resources:
            mem_mb=lambda wildcards, input, attempt: attempt * needed(needs.stability_mb, input.model, STABILITY_MODEL.device),
            runtime=lambda wildcards, input, attempt: attempt
            * needed(needs.stability_minutes, input.model, STABILITY_MODEL.device, len(STABILITY.subjects)),
            gpu=gpus(STABILITY_MODEL.device),
            gres=gres(STABILITY_MODEL.device),
        params:
            code=KIT.code("measure_stability.py"),
            name=STABILITY.model,
            device=str(STABILITY_MODEL.device),
            prompt=lambda wildcards: options.prompt_options(STABILITY_MODEL.prompt),
        shell:
            f"{OFFLINE} python {PROGRAMS}/measure_stability.py"
            " --model {input.model:q}"
            " --name {params.name:q}"
            " --questions {input.questions:q}"
            " --device {params.device}"
            " {params.prompt:q}"
            " --output {output:q}"
            " > {log:q} 2>&1"
