# Fetch and check models and questions: the only stage that may use the network and a token.
# Needs:  local folders, or repositories of the hub at a commit (kept in HF_HUB_CACHE, by default resources/hub)
# Makes:  resources/models/<model>@<commit>.json, resources/subjects/<questions>@<commit>/<subject>.jsonl


rule fetch_model:
    input:
        image=image_files("cpu"),
        folder=lambda wildcards: folder_files(MODELS[wildcards.model]),
    output:
        "resources/models/{model}@{commit}.json",
    log:
        "resources/logs/fetch_model/{model}@{commit}.log",
    localrule: True
    container:
        image("cpu")
    params:
        code=KIT.code("fetch_model.py"),
        source=lambda wildcards: source_options(MODELS[wildcards.model]),
    shell:
        f"python {PROGRAMS}/fetch_model.py" " {params.source:q}" " --output {output:q}" " > {log:q} 2>&1"


rule fetch_questions:
    input:
        image=image_files("cpu"),
        folder=lambda wildcards: [
            path for path in folder_files(STUDY.questions) if Path(path).name.startswith(f"{wildcards.subject}_")
        ],
    output:
        "resources/subjects/{questions}@{commit}/{subject}.jsonl",
    log:
        "resources/logs/fetch_questions/{questions}@{commit}/{subject}.log",
    localrule: True
    container:
        image("cpu")
    params:
        code=KIT.code("fetch_questions.py"),
        source=source_options(STUDY.questions),
    shell:
        f"python {PROGRAMS}/fetch_questions.py"
        " {params.source:q}"
        " --subject {wildcards.subject:q}"
        " --output {output:q}"
        " > {log:q} 2>&1"
