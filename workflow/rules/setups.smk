# Timing setups: one model as a whole process on several devices and with several quantizations, repeated, with no other job on
# the machine.
# Needs:  a model's manifest, subjects' questions
# Makes:  setups/run_<repeat>/<setup>.txt (/usr/bin/time around the whole process), setups/run_<repeat>/<setup>/evaluations
#         and timings/<subject>.json, setups.json
# No journal is kept, since a resumed process would not measure the whole evaluation.

# Empty if the study has no timing setups, or if a partial report has no such file yet.
SETUPS_FILES = [f"{RESULTS}/setups.json"] if SETUPS else []
if CONFIG.partial:
    SETUPS_FILES = [path for path in SETUPS_FILES if Path(path).exists()]

if SETUPS:
    SETUPS_MODEL = MODELS[SETUPS.model]
    REPEATS = range(1, SETUPS.repeats + 1)

    rule time_setup:
        input:
            image=lambda wildcards: image_files(SETUP[wildcards.setup].device),
            model=manifest_of(SETUPS.model),
            questions=expand("{folder}/{subject}.jsonl", folder=SUBJECT_FILES, subject=SETUPS.subjects),
            previous=previous_round,
        output:
            evaluations=expand(
                f"{RESULTS}/setups/run_{{{{repeat}}}}/{{{{setup}}}}/evaluations/{{subject}}.json", subject=SETUPS.subjects
            ),
            process=f"{RESULTS}/setups/run_{{repeat}}/{{setup}}.txt",
            timings=expand(
                f"{RESULTS}/setups/run_{{{{repeat}}}}/{{{{setup}}}}/timings/{{subject}}.json", subject=SETUPS.subjects
            ),
        log:
            f"{RESULTS}/logs/time_setup/run_{{repeat}}/{{setup}}.log",
        wildcard_constraints:
            setup=one_of(SETUP),
            repeat="[0-9]+",
        container:
            lambda wildcards: image(SETUP[wildcards.setup].device)
        threads: all_cores(SETUPS_MODEL.threads)
        resources:
            mem_mb=lambda wildcards, input, attempt: attempt * needed(needs.memory_mb, input.model, SETUP[wildcards.setup]),
            runtime=lambda wildcards, input, attempt: attempt
            * needed(
                needs.minutes,
                input.model,
                SETUP[wildcards.setup].device,
                len(SETUPS.subjects),
                SETUPS_MODEL.prompt.max_new_tokens,
            ),
            gpu=lambda wildcards: gpus(SETUP[wildcards.setup].device),
            gres=lambda wildcards: gres(SETUP[wildcards.setup].device),
            slurm_extra="--exclusive",
        params:
            code=KIT.code("evaluate.py", ["workflow/scripts/timed.sh"]),
            name=SETUPS.model,
            device=setup_setting("device"),
            dtype=setup_setting("dtype"),
            quantization=setup_setting("quantization"),
            on_unavailable=setup_setting("on_unavailable"),
            # A function, since braces in a text would be wildcards.
            prompt=lambda wildcards: options.prompt_options(SETUPS_MODEL.prompt),
            tokens_per_batch=SETUPS_MODEL.tokens_per_batch,
            evaluations=subpath(output[0], parent=True),
            timings=subpath(output[-1], parent=True),
        shell:
            f"{EVALUATE} > {{log:q}} 2>&1"

    rule compare_setups:
        input:
            image=image_files("cpu"),
            model=manifest_of(SETUPS.model),
            questions=expand("{folder}/{subject}.jsonl", folder=SUBJECT_FILES, subject=SETUPS.subjects),
            logs=expand(f"{RESULTS}/setups/run_{{repeat}}/{{setup}}.txt", repeat=REPEATS, setup=SETUP),
            records=expand(
                f"{RESULTS}/setups/run_{{repeat}}/{{setup}}/{{kind}}/{{subject}}.json",
                repeat=REPEATS,
                setup=SETUP,
                kind=["evaluations", "timings"],
                subject=SETUPS.subjects,
            ),
        output:
            f"{RESULTS}/setups.json",
        log:
            f"{RESULTS}/logs/compare_setups.log",
        container:
            image("cpu")
        params:
            code=KIT.code("compare_setups.py"),
            setups=json.dumps(SETUPS.plain(), sort_keys=True),
            folder=subpath(input[-1], ancestor=4),  # of setups/run_<repeat>/<setup>/<kind>/<subject>.json
        shell:
            f"{OFFLINE} python {PROGRAMS}/compare_setups.py"
            " --setups {params.setups:q}"
            " --model {input.model:q}"
            " --questions {input.questions:q}"
            " --folder {params.folder:q}"
            " --output {output:q}"
            " > {log:q} 2>&1"
