# Evaluation of models, by two rules with the same program: one job for each model and subject, or one for each model.
# Needs:  a model's manifest, a subject's questions
# Makes:  evaluations/<model>/<subject>.json (answers), timings/<model>/<subject>.json (times inside the program),
#         timings/<model>/<subject or together>.time (/usr/bin/time around the whole process)
# With `on_unavailable: skip`, the JSON files are "not run" placeholders if the machine cannot run the model as requested.

# Also used by time_setup.
EVALUATE = (
    f"{OFFLINE} sh {PROGRAMS}/timed.sh {{output.process:q}} python {PROGRAMS}/evaluate.py"
    " --model {input.model:q}"
    " --name {params.name:q}"
    " --questions {input.questions:q}"
    " --device {params.device}"
    " --dtype {params.dtype}"
    " --quantization {params.quantization}"
    " --on-unavailable {params.on_unavailable}"
    " {params.prompt:q}"
    " --tokens-per-batch {params.tokens_per_batch}"
    " --threads {threads}"
    " --evaluations {params.evaluations:q}"
    " --timings {params.timings:q}" + (" --record-host" if CONFIG.record_host else "")
)
KEEP = f" --journals {RESULTS}/journals/{{wildcards.model:q}}" " --process {params.process:q}" " > {log:q} 2>&1"


rule evaluate:
    input:
        image=lambda wildcards: image_files(MODELS[wildcards.model].device),
        model=manifest,
        questions=[f"{SUBJECT_FILES}/{{subject}}.jsonl"],
    output:
        evaluation=f"{RESULTS}/evaluations/{{model}}/{{subject}}.json",
        timing=f"{RESULTS}/timings/{{model}}/{{subject}}.json",
        process=f"{RESULTS}/timings/{{model}}/{{subject}}.time",
    log:
        f"{RESULTS}/logs/evaluate/{{model}}/{{subject}}.log",
    wildcard_constraints:
        model=one_of([model for model in MODELS if model not in TOGETHER + IMPORTED]),
    container:
        lambda wildcards: image(MODELS[wildcards.model].device)
    threads: lambda wildcards: MODELS[wildcards.model].threads
    resources:
        # Each retry requests more of both.
        mem_mb=lambda wildcards, input, attempt: attempt * needed(needs.memory_mb, input.model, MODELS[wildcards.model]),
        runtime=lambda wildcards, input, attempt: attempt
        * needed(
            needs.minutes,
            input.model,
            MODELS[wildcards.model].device,
            len(input.questions),
            MODELS[wildcards.model].prompt.max_new_tokens,
        ),
        gpu=lambda wildcards: gpus(MODELS[wildcards.model].device),
        gres=lambda wildcards: gres(MODELS[wildcards.model].device),
    params:
        code=KIT.code("evaluate.py", ["workflow/scripts/timed.sh"]),
        requested_threads=setting("threads"),
        name="{model}",
        device=setting("device"),
        dtype=setting("dtype"),
        quantization=setting("quantization"),
        on_unavailable=setting("on_unavailable"),
        prompt=lambda wildcards: options.prompt_options(MODELS[wildcards.model].prompt),
        tokens_per_batch=setting("tokens_per_batch"),
        process="{model}/{subject}.time",
        evaluations=subpath(output[0], parent=True),
        timings=subpath(output.process, parent=True),
    shell:
        EVALUATE + KEEP


# The same with the model loaded once for all subjects, for models that take longer to load than to answer.
use rule evaluate as evaluate_together with:
    input:
        image=lambda wildcards: image_files(MODELS[wildcards.model].device),
        model=manifest,
        questions=expand("{folder}/{subject}.jsonl", folder=SUBJECT_FILES, subject=STUDY.subjects),
    output:
        evaluation=expand(f"{RESULTS}/evaluations/{{{{model}}}}/{{subject}}.json", subject=STUDY.subjects),
        timing=expand(f"{RESULTS}/timings/{{{{model}}}}/{{subject}}.json", subject=STUDY.subjects),
        process=f"{RESULTS}/timings/{{model}}/together.time",
    log:
        f"{RESULTS}/logs/evaluate_together/{{model}}.log",
    wildcard_constraints:
        model=one_of([model for model in TOGETHER if model not in STUDY.only_baseline]),
    params:
        process="{model}/together.time",


# The same for a baseline that no group has: it answers fewer subjects.
BASELINE = STUDY.baseline.subjects if STUDY.only_baseline else []


use rule evaluate_together as evaluate_baseline_together with:
    input:
        image=lambda wildcards: image_files(MODELS[wildcards.model].device),
        model=manifest,
        questions=expand("{folder}/{subject}.jsonl", folder=SUBJECT_FILES, subject=BASELINE),
    output:
        evaluation=expand(f"{RESULTS}/evaluations/{{{{model}}}}/{{subject}}.json", subject=BASELINE),
        timing=expand(f"{RESULTS}/timings/{{{{model}}}}/{{subject}}.json", subject=BASELINE),
        process=f"{RESULTS}/timings/{{model}}/together.time",
    wildcard_constraints:
        model=one_of([model for model in TOGETHER if model in STUDY.only_baseline]),
