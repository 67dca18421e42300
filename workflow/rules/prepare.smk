# Fetch and check models and questions: the only stage that may use the network and a token.
# Needs:  local folders, or repositories of the hub at a commit (kept in HF_HUB_CACHE, by default resources/hub)
# Makes:  resources/models/<model>@<commit>.json, resources/subjects/<questions>@<commit>/<subject>.jsonl


localrules:
    fetch_model,
    fetch_questions,


rule fetch_model:
    input:
        code=sources("fetch_model.py"),
        image=image_files("cpu"),
        folder=lambda wildcards: folder_files(MODELS[wildcards.model]),
    output:
        "resources/models/{model}@{commit}.json",
    log:
        "resources/logs/fetch_model/{model}@{commit}.log",
    container:
        image("cpu")
    params:
        source=lambda wildcards: source_options(MODELS[wildcards.model]),
    shell:
        "python workflow/scripts/fetch_model.py" " {params.source:q}" " --output {output:q}" " > {log:q} 2>&1"


rule fetch_questions:
    input:
        code=sources("fetch_questions.py"),
        image=image_files("cpu"),
        folder=lambda wildcards: [
            path for path in folder_files(STUDY.questions) if Path(path).name.startswith(f"{wildcards.subject}_")
        ],
    output:
        "resources/subjects/{questions}@{commit}/{subject}.jsonl",
    log:
        "resources/logs/fetch_questions/{questions}@{commit}/{subject}.log",
    container:
        image("cpu")
    params:
        source=source_options(STUDY.questions),
    shell:
        "python workflow/scripts/fetch_questions.py"
        " {params.source:q}"
        " --subject {wildcards.subject:q}"
        " --output {output:q}"
        " > {log:q} 2>&1"
