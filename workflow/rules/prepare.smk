# Fetch and check models and questions: the only stage that may use the network and a token.
# Needs:  local folders, or repositories of the hub at a commit (kept in HF_HUB_CACHE, by default resources/hub)
# Makes:  resources/models/<model>@<commit>.json, resources/subjects/<questions>@<commit>/<subject>.jsonl
#         (with `limit`, in a folder of its own: <questions>@<commit>-first-<limit>)

# Another module of the same workflow may be a study with some of the same models or questions, which the first one fetches.
SOURCES = {manifest_of(name): source_options(model) for name, model in STUDY.run.items()}
SOURCES |= {f"{SUBJECT_FILES}/{subject}.jsonl": question_options() for subject in STUDY.subjects}
FETCHERS = [other for other in workflow.rules if other.name.endswith(("fetch_model", "fetch_questions"))]
FETCHED = [path for path in SOURCES if any(other.is_producer(path) for other in FETCHERS)]
EARLIER = vars(workflow).setdefault("mmlu_kit_sources", {})
for path in FETCHED:
    if EARLIER.get(path, SOURCES[path]) != SOURCES[path]:
        both = f"{EARLIER[path][1]} and from {SOURCES[path][1]}"
        raise WorkflowError(f"two modules would make {path} from {both}: give one of the two another name in config")
EARLIER.update(SOURCES)


rule fetch_model:
    input:
        image=image_files("cpu"),
        files=lambda wildcards: local_files(MODELS[wildcards.model]),
    output:
        "resources/models/{model}@{commit}.json",
    log:
        "resources/logs/fetch_model/{model}@{commit}.log",
    wildcard_constraints:
        # Other commits of a model are another module's.
        model="|".join(f"{re.escape(name)}(?=@{STUDY.run[name].at})" for name in STUDY.run if manifest_of(name) not in FETCHED)
        or "(?!)",
    localrule: True
    container:
        image("cpu")
    params:
        code=KIT.code("fetch_model.py"),
        # A function, since the braces would be wildcards.
        source=lambda wildcards: source_options(MODELS[wildcards.model]),
    shell:
        f"python {PROGRAMS}/fetch_model.py" " {params.source:q}" " --output {output:q}" " > {log:q} 2>&1"


rule fetch_questions:
    input:
        image=image_files("cpu"),
        # A changed local file makes the questions again.
        files=lambda wildcards: plain_files(LOCAL_QUESTIONS.paths(wildcards.subject)) if LOCAL_QUESTIONS else [],
    output:
        "resources/subjects/{questions}@{commit}/{subject}.jsonl",
    log:
        "resources/logs/fetch_questions/{questions}@{commit}/{subject}.log",
    wildcard_constraints:
        questions=re.escape(STUDY.questions.name),
        commit=re.escape(STUDY.subjects_folder.partition("@")[2]),
        subject=one_of([subject for subject in STUDY.subjects if f"{SUBJECT_FILES}/{subject}.jsonl" not in FETCHED]),
    localrule: True
    container:
        image("cpu")
    params:
        code=KIT.code("fetch_questions.py"),
        # A function, since braces in a text would be wildcards.
        source=lambda wildcards: question_options(),
    shell:
        f"python {PROGRAMS}/fetch_questions.py"
        " {params.source:q}"
        " --subject {wildcards.subject:q}"
        " --output {output:q}"
        " > {log:q} 2>&1"
