"""The process in which scripted chats run may be killed or interrupted: one line, or none."""

import os
import signal
from pathlib import Path

import pytest
from mmlu_kit.inputs.checkpoints import Manifest
from mmlu_kit.recall import scripted_chats
from mmlu_kit.recall.scripted_chats import Setting
from mmlu_kit.settings import LoadSettings, OnUnavailable
from mmlu_kit.user_errors import UserError

MANIFEST = Manifest(folder="m", repository=None, commit=None, files={}, parameters=1, checkpoint_bytes=1)
SETTING = Setting("demo", MANIFEST, LoadSettings(), OnUnavailable.FAIL, 1, "Be brief.", 4, {})


def killed(setting: Setting, parts: list[Path]) -> None:
    """Stands for the chats, in the new process."""
    os.kill(os.getpid(), signal.SIGKILL)


def interrupted(setting: Setting, parts: list[Path]) -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("chat", [killed, interrupted])
def test_a_killed_process_is_one_line(monkeypatch, capfd, chat):
    monkeypatch.setattr(scripted_chats, "chat", chat)
    with pytest.raises(UserError, match="demo: the process of its chats was killed, perhaps for memory: run it again"):
        scripted_chats.in_new_process(SETTING, [])
    assert capfd.readouterr().err == ""
