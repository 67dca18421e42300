# The provenance of the results.
# Needs:  merged.json, evaluations, timings, the questions' files, every source file; then the report and all other results
# Makes:  run.json, shown at the end of the report; then provenance.json (with all jobs and a hash of every result file), the
#         same as an RO-Crate, and a copy of the Snakefile, which the crate must contain
# Editing any source file rewrites the report, since it states the code's hash. A new commit or command line alone does not:
# they are passed through the environment, and the report keeps those with which the results were made.
from importlib.metadata import version

from mmlu_kit.provenance import privacy
from mmlu_kit.provenance import revision

if workflow.is_main_process:
    begun = {
        **revision.commit(KIT.folder)._asdict(),
        "command": privacy.command(sys.argv, Path.cwd(), Path(os.path.expanduser("~")), privacy.persons()),
        "snakemake": version("snakemake"),
    }
    os.environ.update(MMLU_KIT_BEGUN=json.dumps(begun))
    if IN_IMAGES:
        os.environ.update(containers.passed("MMLU_KIT_BEGUN", json.dumps(begun)))
# All results that merged.json was made from: they are described and hashed too.
PARTS = [*rules.merge.input, *PROCESSES]
if SETUPS_FILES:
    PARTS += rules.compare_setups.input
if CHAT_FILES:
    PARTS += [*rules.summarise_chat.input, *TRANSCRIPTS, f"{RESULTS}/chat/transcripts.json"]
if CONFIG.partial:
    PARTS = [path for path in PARTS if Path(path).exists()]


rule describe_run:
    input:
        **EVIDENCE,
        image=image_files("cpu"),
        merged=f"{RESULTS}/merged.json",
        parts=PARTS,
    output:
        f"{RESULTS}/run.json",
    log:
        f"{RESULTS}/logs/describe_run.log",
    localrule: True
    container:
        image("cpu")
    params:
        **EVIDENCE_PARAMS,
        code=KIT.version(KIT.folder / name for name in revision.code_files(KIT.folder)),
        images=[f"--image={kind}={name}" for kind, name in IMAGES.used.items()],
    shell:
        f"{OFFLINE} python {PROGRAMS}/describe_run.py{EVIDENCE_OPTIONS}"
        " --questions {input.questions:q}"
        ' --begun "${{MMLU_KIT_BEGUN:-}}"'
        " {params.images:q}"
        " --output {output:q}"
        " > {log:q} 2>&1"


rule record_provenance:
    input:
        image=image_files("cpu"),
        run=f"{RESULTS}/run.json",
        parts=PARTS,
        results=[
            f"{RESULTS}/merged.json",
            f"{RESULTS}/questions.csv",
            f"{RESULTS}/analysis.json",
            *CLAIMS,
            f"{RESULTS}/figures",
            f"{RESULTS}/report.md",
            f"{RESULTS}/tables",
            f"{RESULTS}/report.html",
        ],
    output:
        f"{RESULTS}/provenance.json",
        f"{RESULTS}/ro-crate-metadata.json",
        f"{RESULTS}/Snakefile",
    log:
        f"{RESULTS}/logs/record_provenance.log",
    localrule: True
    container:
        image("cpu")
    params:
        code=KIT.code("record_provenance.py", ["Snakefile"]),
        workflow=KIT.path("Snakefile"),
        paths=STUDY.paths,
    shell:
        f"{OFFLINE} python {PROGRAMS}/record_provenance.py"
        " --run {input.run:q}"
        " --paths {params.paths:q}"
        " --workflow {params.workflow:q}"
        " > {log:q} 2>&1"
