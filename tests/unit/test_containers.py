"""Variables for Apptainer: mounts, variables that survive --cleanenv, the GPU, and no token on a cluster."""

import csv
import io
from pathlib import Path

import pytest
import yaml
from mmlu_kit.jobs import containers
from mmlu_kit.jobs.images import Images, uses
from mmlu_kit.study import resolve
from mmlu_kit.user_errors import UserError

NAMES = {"cpu": "images/cpu.sif", "cuda": "images/cuda.sif"}


@pytest.fixture
def project(tmp_path, monkeypatch, root):
    """A working directory with both images, beside the kit."""
    folder = tmp_path / "project"
    (folder / "images").mkdir(parents=True)
    for name in NAMES.values():
        (folder / name).touch()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def variables(root, project):
    """The variables for a study with `device` for its models: variables(environment)."""

    def call(environment=None, device="cpu", cluster_job=False, **model):
        config = yaml.safe_load((root / "config.yaml").read_text()) | {"study": "smoke"}
        config["models"]["demo-small"] |= {"device": device, **model}
        if "repository" in model:
            del config["models"]["demo-small"]["path"]
        study = resolve(config, lambda name: name if Path(name).exists() else str(root / name))
        images = Images(NAMES, uses(study, study.run, []), True, str)
        environment = {"HF_HUB_CACHE": "resources/hub", "HF_HOME": str(project), **(environment or {})}
        return containers.variables(environment, study, root, images, cluster_job)

    return call


def places(variables, program="APPTAINER"):
    """What is mounted where: {place: source}."""
    rows = [dict(field.split("=", 1) for field in row) for row in csv.reader(io.StringIO(variables[f"{program}_MOUNT"]))]
    return {row["dst"]: row["src"] for row in rows}


def test_both_programs_are_told_the_same(variables):
    result = variables({"HTTPS_PROXY": "http://proxy"}, "cuda")
    apptainer = {name.removeprefix("APPTAINER"): value for name, value in result.items() if name.startswith("APPTAINER")}
    assert apptainer == {
        name.removeprefix("SINGULARITY"): value for name, value in result.items() if name.startswith("SINGULARITY")
    }
    assert len(result) == 2 * len(apptainer)


@pytest.mark.parametrize(
    ("device", "user", "nv"),
    [
        ("cuda", {}, "1"),
        ("cpu", {}, None),
        ("cuda", {"APPTAINER_NV": "0"}, None),
        ("cuda", {"SINGULARITY_NV": "false"}, None),
    ],
)
def test_the_gpu_is_passed_on_if_a_model_runs_in_the_cuda_image_and_the_user_said_nothing(variables, device, user, nv):
    result = variables(user, device)
    assert result.get("APPTAINER_NV") == result.get("SINGULARITY_NV") == nv


def test_the_users_binds_and_mounts_stay_under_either_programs_name(variables, tmp_path):
    user = {
        "SINGULARITY_BIND": "/data:/mnt/data:ro",
        "APPTAINER_BIND": "/a,/b\\,c:/d",
        "SINGULARITY_BINDPATH": "/e",
        "APPTAINER_MOUNT": 'type=bind,"src=/f,g",dst=/h,ro',
    }
    result = variables(user)
    assert result["APPTAINER_BIND"] == result["SINGULARITY_BIND"] == "/a,/b\\,c:/d,/data:/mnt/data:ro"
    assert result["APPTAINER_BINDPATH"] == result["SINGULARITY_BINDPATH"] == "/e"
    assert result["SINGULARITY_MOUNT"].splitlines()[0] == 'type=bind,"src=/f,g",dst=/h,ro'


def test_nothing_is_mounted_where_the_user_binds_something(variables, root):
    assert str(root) in places(variables())
    assert str(root) not in places(variables({"SINGULARITY_BIND": f"/elsewhere:{root}/:ro"}))


def test_a_clusters_job_is_told_the_same_again(variables):
    first = variables({"APPTAINER_BIND": "/a", "SINGULARITY_MOUNT": "type=bind,src=/b,dst=/c"}, "cuda")
    assert first | variables(first, "cuda") == first


def test_what_the_client_of_the_hub_reads_survives_a_clean_environment(variables, tmp_path):
    (tmp_path / "real.pem").touch()
    (tmp_path / "link.pem").symlink_to("real.pem")
    user = {
        "HF_ENDPOINT": "https://mirror",
        "https_proxy": "http://proxy",
        "NO_PROXY": "localhost",
        "SSL_CERT_FILE": str(tmp_path / "link.pem"),
        "HF_HUB_DOWNLOAD_TIMEOUT": "60",
        "EDITOR": "vi",
    }
    result = variables(user)
    passed = {name.removeprefix("APPTAINERENV_"): value for name, value in result.items() if "APPTAINERENV" in name}
    isolation = {"PYTHONPATH": "", "PYTHONHOME": "", "PYTHONNOUSERSITE": "1"}
    expected = {**user, "HF_HUB_CACHE": "resources/hub", "SSL_CERT_FILE": str(tmp_path / "real.pem"), **isolation}
    assert passed == {name: value for name, value in expected.items() if name != "EDITOR"}
    assert result["APPTAINER_NO_EVAL"] == "1"  # a shell would evaluate these values
    assert result["APPTAINER_QUIET"] == "1"
    assert str(tmp_path / "real.pem") in places(result)
    assert "APPTAINERENV_HF_ENDPOINT" not in variables({**user, "SINGULARITYENV_HF_ENDPOINT": "https://other"})


def test_the_token_reaches_fetch_rules_and_no_job_of_a_cluster(variables, project):
    file = project / "token"
    file.write_text("hf_secret")
    user = {"HF_TOKEN": "hf_secret"}
    main = variables(user)
    assert main["APPTAINERENV_HF_TOKEN"] == "hf_secret" and main["SINGULARITYENV_HF_TOKEN_PATH"] == str(file)
    job = user | main | variables(user | main, cluster_job=True)
    kept = {name: value for name, value in job.items() if name not in containers.token_variables()}
    assert not [name for name in kept if "TOKEN" in name] and "hf_secret" not in kept.values()


def test_a_tokens_file_outside_the_project_is_mounted_for_fetch_rules_alone(variables, tmp_path):
    (tmp_path / "token").write_text("hf_secret")
    user = {"HF_TOKEN_PATH": str(tmp_path / "token")}
    main = variables(user)
    assert str(tmp_path / "token") in places(main)
    job = variables({**user, "APPTAINER_MOUNT": main["APPTAINER_MOUNT"]}, cluster_job=True)
    assert str(tmp_path / "token") not in places(job) and str(Path.cwd()) in places(job)


def test_a_model_whose_files_are_links_into_a_cache_is_mounted_with_them(variables, tmp_path, root):
    blobs, snapshot = tmp_path / "hub, all:1/models--a--b/blobs", tmp_path / "hub, all:1/models--a--b/snapshots/c0"
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    (blobs / "0123").touch()
    (snapshot / "model.safetensors").symlink_to("../../blobs/0123")
    (tmp_path / "model").symlink_to(snapshot)
    result = places(variables(path=str(tmp_path / "model")))
    for path in (snapshot, blobs / "0123"):
        assert result[str(path)] == str(path)
    assert result[str(tmp_path / "model")] == str(snapshot)


def test_a_hub_cache_elsewhere_is_made_and_its_real_path_is_passed_on(variables, tmp_path):
    commit = "0" * 40
    (tmp_path / "scratch").mkdir()
    (tmp_path / "link").symlink_to("scratch")
    result = variables({"HF_HUB_CACHE": str(tmp_path / "link/hub")}, repository="a/b", commit=commit)
    assert result["APPTAINERENV_HF_HUB_CACHE"] == str(tmp_path / "scratch/hub") in places(result)
    (tmp_path / "file").touch()
    with pytest.raises(
        UserError, match=r"HF_HUB_CACHE: the folder .*/file/hub cannot be made \(Not a directory\): name another"
    ):
        variables({"HF_HUB_CACHE": str(tmp_path / "file/hub")}, repository="a/b", commit=commit)


def test_a_hub_cache_in_the_project_keeps_its_name_though_it_is_on_another_disk(variables, project, tmp_path):
    (tmp_path / "scratch").mkdir()
    (project / "resources").symlink_to("../scratch")
    result = variables(repository="a/b", commit="0" * 40)
    assert result["APPTAINERENV_HF_HUB_CACHE"] == "resources/hub" and str(tmp_path / "scratch") in places(result)


def test_results_on_another_disk_are_mounted(variables, project, tmp_path):
    (tmp_path / "scratch/smoke").mkdir(parents=True)
    (tmp_path / "more").mkdir()
    (project / "results").symlink_to("../scratch")
    (tmp_path / "scratch/smoke/evaluations").symlink_to(tmp_path / "more")
    result = places(variables())
    assert {str(project), str(tmp_path / "scratch"), str(tmp_path / "more")} <= set(result)


@pytest.mark.parametrize("name", ["a:b", "it's $5", "'\"", "'`"])
def test_a_project_folder_that_cannot_be_passed_on_is_one_line(variables, tmp_path, monkeypatch, name):
    (tmp_path / name / "images").mkdir(parents=True)
    for image in NAMES.values():
        (tmp_path / name / image).touch()
    monkeypatch.chdir(tmp_path / name)
    with pytest.raises(UserError, match="rename the folder") as error:
        variables()
    assert "\n" not in str(error.value) and str(tmp_path / name) in str(error.value)


@pytest.mark.parametrize("name", ["a, b", "it's", '"', "$HOME `id`", "{x} é\\"])
def test_other_signs_in_the_project_folders_path_are_passed_on(variables, tmp_path, monkeypatch, name):
    (tmp_path / name / "images").mkdir(parents=True)
    for image in NAMES.values():
        (tmp_path / name / image).touch()
    monkeypatch.chdir(tmp_path / name)
    result = variables()
    assert result["APPTAINER_PWD"] == places(result)[str(tmp_path / name)] == str(tmp_path / name)
