# How the results came to be.
# Needs:  merged.json, evaluations, timings, the questions' files, every file of the code; then the report and all else
# Makes:  run.json, which the report ends with; then provenance.json (with all jobs and a hash of every result file), the
#         same as an RO-Crate, and a copy of the Snakefile, which must lie in it
# An edit of any file of the code writes the report again, since it says which code it is of. A commit alone does not, nor
# does another command line: they reach a job by the environment, and what is recorded is what the results were made with.
import platform
from importlib.metadata import version

from mmlu_kit.provenance import privacy
from mmlu_kit.provenance import revision

if workflow.is_main_process:
    persons = [os.getenv("USER"), os.getenv("LOGNAME"), platform.node()]
    begun = {
        **revision.commit(Path.cwd())._asdict(),
        "command": privacy.command(sys.argv, Path.cwd(), Path("~").expanduser(), persons),
        "snakemake": version("snakemake"),
    }
    os.environ.update(MMLU_KIT_BEGUN=json.dumps(begun))
if IN_IMAGES:
    # An image may lie outside the folders that a job sees, and its own file is to be hashed.
    local = [os.path.realpath(path) for path in images_used().values() if "://" not in path]
    os.environ.update(APPTAINER_BIND=",".join(filter(None, [os.getenv("APPTAINER_BIND"), *local])))


localrules:
    describe_run,
    record_provenance,


rule describe_run:
    input:
        code=revision.code_files(Path.cwd()),
        image=image_files("cpu"),
        merged=rules.merge.output.merged,
        questions=[f"{SUBJECT_FILES}/{subject}.jsonl" for subject in dict.fromkeys(subject for _, subject in PAIRS)],
    output:
        f"{RESULTS}/run.json",
    log:
        f"{RESULTS}/logs/describe_run.log",
    container:
        image("cpu")
    params:
        images=[f"--image={kind}={name}" for kind, name in images_used().items()],
    shell:
        f"{OFFLINE} python workflow/scripts/describe_run.py"
        " --merged {input.merged:q}"
        " --questions {input.questions:q}"
        ' --begun "$MMLU_KIT_BEGUN"'
        " {params.images:q}"
        " --output {output:q}"
        " > {log:q} 2>&1"


rule record_provenance:
    input:
        code=sources("record_provenance.py"),
        image=image_files("cpu"),
        workflow="Snakefile",
        run=rules.describe_run.output,
        results=[
            *rules.merge.output,
            *rules.analyse.output,
            *rules.audit_claims.output,
            *rules.draw_figures.output,
            *rules.write_report.output,
            *rules.write_page.output,
        ],
    output:
        f"{RESULTS}/provenance.json",
        f"{RESULTS}/ro-crate-metadata.json",
        f"{RESULTS}/Snakefile",
    log:
        f"{RESULTS}/logs/record_provenance.log",
    container:
        image("cpu")
    params:
        paths=STUDY.paths,
    shell:
        f"{OFFLINE} python workflow/scripts/record_provenance.py"
        " --run {input.run:q}"
        " --paths {params.paths:q}"
        " --workflow {input.workflow:q}"
        " > {log:q} 2>&1"
