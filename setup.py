"""Build the package with the files of the project that its commands read: config, the demo, the publication's numbers."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

FILES = ("config.yaml", "workflow/demo/models", "workflow/demo/questions", "workflow/reference")


class BuildWithProject(build_py):
    """Copies the project's files into the package, where `mmlu_kit.sources.PROJECT` is without a clone."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:  # a link to the clone
            return
        for name in FILES:
            source, target = Path(name), Path(self.build_lib, "mmlu_kit/project", name)
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True)
            else:
                shutil.copy2(source, target)


setup(cmdclass={"build_py": BuildWithProject})
