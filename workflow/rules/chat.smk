# The recall experiment: what chat models recall from a conversation under each strategy.
# Needs:  a model's manifest, workflow/recall (the texts of the conversations)
# Makes:  chat/<model>/recall.json (prompts and replies) and times.json, chat/*.md (three whole chats of the study's first chat
#         model) and transcripts.json, chat.json
# With `on_unavailable: skip`, the files are "not run" placeholders if the machine cannot run the model as requested.

CHAT = STUDY.chat
TRANSCRIPTS = [f"{RESULTS}/chat/{name}.md" for name in ("sliding_window", "token_budget_history_on", "saved_and_restored")]
# Empty if the study has no chat models, or if a partial report has no such file yet.
CHAT_FILES = [f"{RESULTS}/chat.json"] if CHAT else []
if CONFIG.partial:
    CHAT_FILES = [path for path in CHAT_FILES if Path(path).exists()]
# The options of both programs for the model and its configuration.
CHAT_MODEL = (
    " --model {input.model:q}"
    " --name {params.name:q}"
    " --conversations {params.conversations:q}"
    " --max-new-tokens {params.max_new_tokens}"
    " --device {params.device}"
    " --dtype {params.dtype}"
    " --quantization {params.quantization}"
    " --on-unavailable {params.on_unavailable}"
    " {params.template_arguments:q}"
    " --threads {threads}"
)

if CHAT:
    FIRST = CHAT.models[0]

    rule chat_benchmark:
        input:
            image=lambda wildcards: image_files(MODELS[wildcards.model].device),
            model=manifest,
        output:
            recall=f"{RESULTS}/chat/{{model}}/recall.json",
            times=f"{RESULTS}/chat/{{model}}/times.json",
        log:
            f"{RESULTS}/logs/chat_benchmark/{{model}}.log",
        wildcard_constraints:
            model=one_of(CHAT.models),
        container:
            lambda wildcards: image(MODELS[wildcards.model].device)
        threads: lambda wildcards: MODELS[wildcards.model].threads
        resources:
            mem_mb=lambda wildcards, input, attempt: attempt * needed(needs.memory_mb, input.model, MODELS[wildcards.model]),
            # About a thousand prompts with replies of many tokens take as long as the questions of about fifteen subjects.
            runtime=lambda wildcards, input, attempt: attempt
            * needed(needs.minutes, input.model, MODELS[wildcards.model].device, 15),
            gpu=lambda wildcards: gpus(MODELS[wildcards.model].device),
            gres=lambda wildcards: gres(MODELS[wildcards.model].device),
        params:
            code=KIT.code("chat_benchmark.py", ["workflow/recall/*.yaml"]),
            conversations=KIT.path("workflow/recall/conversations.yaml"),
            scripts=KIT.path("workflow/recall/transcripts.yaml"),
            requested_threads=setting("threads"),
            name="{model}",
            device=setting("device"),
            dtype=setting("dtype"),
            quantization=setting("quantization"),
            on_unavailable=setting("on_unavailable"),
            template_arguments=lambda wildcards: template_arguments(MODELS[wildcards.model]),
            strategies=CHAT.strategies,
            distances=CHAT.distances,
            trials=CHAT.trials,
            timed=CHAT.timed,
            max_new_tokens=CHAT.max_new_tokens,
            seed=CHAT.seed,
        shell:
            f"{OFFLINE} python {PROGRAMS}/chat_benchmark.py{CHAT_MODEL}"
            " --examples {params.scripts:q}"
            " --strategies {params.strategies:q}"
            " --distances {params.distances}"
            " --trials {params.trials}"
            " --timed {params.timed}"
            " --seed {params.seed}"
            f" --journal {RESULTS}/journals/{{wildcards.model:q}}/chat.jsonl"
            " --recall {output.recall:q}"
            " --times {output.times:q}"
            " > {log:q} 2>&1"

    rule write_transcripts:
        input:
            image=image_files(MODELS[FIRST].device),
            model=manifest_of(FIRST),
        output:
            documents=TRANSCRIPTS,
            summary=f"{RESULTS}/chat/transcripts.json",
        log:
            f"{RESULTS}/logs/write_transcripts.log",
        container:
            image(MODELS[FIRST].device)
        threads: MODELS[FIRST].threads
        resources:
            mem_mb=lambda wildcards, input, attempt: attempt * needed(needs.memory_mb, input.model, MODELS[FIRST]),
            runtime=lambda wildcards, input, attempt: attempt * needed(needs.minutes, input.model, MODELS[FIRST].device),
            gpu=gpus(MODELS[FIRST].device),
            gres=gres(MODELS[FIRST].device),
        params:
            code=KIT.code("write_transcripts.py", ["workflow/recall/*.yaml"]),
            conversations=KIT.path("workflow/recall/conversations.yaml"),
            scripts=KIT.path("workflow/recall/transcripts.yaml"),
            folder=subpath(output.summary, parent=True),
            requested_threads=MODELS[FIRST].threads,
            name=FIRST,
            device=str(MODELS[FIRST].device),
            dtype=str(MODELS[FIRST].dtype),
            quantization=str(MODELS[FIRST].quantization),
            on_unavailable=str(MODELS[FIRST].on_unavailable),
            template_arguments=lambda wildcards: template_arguments(MODELS[FIRST]),
            max_new_tokens=CHAT.max_new_tokens,
        shell:
            f"{OFFLINE} python {PROGRAMS}/write_transcripts.py{CHAT_MODEL}"
            " --users {params.scripts:q}"
            " --folder {params.folder:q}"
            " > {log:q} 2>&1"

    rule summarise_chat:
        input:
            image=image_files("cpu"),
            manifests=[manifest_of(name) for name in CHAT.models],
            recall=expand(f"{RESULTS}/chat/{{model}}/recall.json", model=CHAT.models),
            times=expand(f"{RESULTS}/chat/{{model}}/times.json", model=CHAT.models),
            transcripts=f"{RESULTS}/chat/transcripts.json",
        output:
            f"{RESULTS}/chat.json",
        log:
            f"{RESULTS}/logs/summarise_chat.log",
        container:
            image("cpu")
        params:
            code=KIT.code("summarise_chat.py"),
            models=CHAT.models,
            folder=subpath(input.transcripts, parent=True),
        shell:
            f"{OFFLINE} python {PROGRAMS}/summarise_chat.py"
            " --models {params.models:q}"
            " --manifests {input.manifests:q}"
            " --folder {params.folder:q}"
            " --output {output:q}"
            " > {log:q} 2>&1"
