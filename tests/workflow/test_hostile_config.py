"""A hostile config.yaml in the working directory: the kit reads it before Snakemake, which would copy a bomb of aliases."""

import pytest

from tests.hostile import configs


@pytest.mark.parametrize("name", ["a bomb of aliases, of mappings", "Latin-1"])
def test_a_hostile_config_ends_a_run_in_one_line(root, snakemake, tmp_path, name):
    text, line = configs.FORMS[name]
    (tmp_path / "config.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    process = snakemake(tmp_path, "-s", root / "Snakefile", "-n", "--config", "study=smoke")
    text = process.stdout + process.stderr
    assert process.returncode == 1 and line in text and "config.yaml" in text
    assert "Traceback" not in text and len(text.splitlines()) < 10, text
