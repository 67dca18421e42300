# Whether answers depend on batching, threads or the number format: the report's appendix.
# Needs:  a model's manifest, subjects' questions
# Makes:  stability.json

STABILITY = STUDY["stability"]
# None where the study asks for none, or a partial report goes without.
STABILITY_FILES = [f"{RESULTS}/stability.json"] if STABILITY else []
if config.get("partial"):
    STABILITY_FILES = [path for path in STABILITY_FILES if Path(path).exists()]

if STABILITY:

    rule measure_stability:
        input:
            code=sources("measure_stability.py"),
            image=image_files(MODELS[STABILITY["model"]]["device"]),
            model=f"resources/models/{STABILITY['model']}@{at(MODELS[STABILITY['model']])}.json",
            questions=expand("{folder}/{subject}.jsonl", folder=SUBJECT_FILES, subject=STABILITY["subjects"]),
        output:
            f"{RESULTS}/stability.json",
        log:
            f"{RESULTS}/logs/measure_stability.log",
        container:
            image(MODELS[STABILITY["model"]]["device"])
        threads: 2
        resources:
            # Both number formats are loaded one after the other; float32 is the larger.
            mem_mb=lambda wildcards, input: memory_mb(input.model, "float32"),
            gpu=int(MODELS[STABILITY["model"]]["device"] == "cuda"),
        params:
            name=STABILITY["model"],
            device=MODELS[STABILITY["model"]]["device"],
            preset=MODELS[STABILITY["model"]]["prompt"]["preset"],
            examples=MODELS[STABILITY["model"]]["prompt"]["examples"],
        shell:
            f"{OFFLINE} python workflow/scripts/measure_stability.py"
            " --model {input.model:q}"
            " --name {params.name:q}"
            " --questions {input.questions:q}"
            " --device {params.device}"
            " --preset {params.preset}"
            " --examples {params.examples}"
            " --output {output:q}"
            " > {log:q} 2>&1"
