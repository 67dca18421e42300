"""Whole chats in separate processes, so that a chat saved by one process can be restored by another."""

import concurrent.futures
import multiprocessing
import signal
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from mmlu_kit import progress
from mmlu_kit.chat import states
from mmlu_kit.chat.views import Strategy
from mmlu_kit.evaluation.chat_templates import ChatTemplate
from mmlu_kit.inputs.checkpoints import Manifest
from mmlu_kit.recall.documents import Turn
from mmlu_kit.settings import Effective, LoadSettings, OnUnavailable
from mmlu_kit.template_arguments import TemplateArguments
from mmlu_kit.user_errors import UserError


@dataclass(frozen=True)
class Setting:
    """The model of a chat, how it is loaded and prompted, its system message, and the longest reply in tokens."""

    name: str
    manifest: Manifest
    requested: LoadSettings
    on_unavailable: OnUnavailable
    threads: int | None
    system: str
    max_new_tokens: int
    template_arguments: TemplateArguments


@dataclass(frozen=True)
class Part:
    """The user's messages in a chat, or in a part of one that continues the saved chat `restored` or is saved to `saved`."""

    strategy: Strategy
    user: Sequence[str]
    restored: Path | None = None
    saved: Path | None = None


@dataclass(frozen=True)
class Chats:
    """The turns of each part and how the model ran; `effective` is None if it was skipped, and `reason` says why."""

    effective: Effective | None
    reason: str | None
    turns: list[list[Turn]]


def in_new_process(setting: Setting, parts: Sequence[Part]) -> Chats:
    """Run `chat` in a new process and wait for its end; raises UserError if the process is killed."""
    pool = concurrent.futures.ProcessPoolExecutor(
        1,
        mp_context=multiprocessing.get_context("spawn"),
        # Ctrl-C reaches both processes: this one ends as every program does, the other one without a word.
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_DFL),
    )
    with pool:
        try:
            return pool.submit(chat, setting, parts).result()
        except BrokenProcessPool:
            raise UserError(f"{setting.name}: the process of its chats was killed, perhaps for memory: run it again") from None


def chat(setting: Setting, parts: Sequence[Part]) -> Chats:
    """Load the model and run the parts one after another."""
    import torch

    from mmlu_kit.chat.replies import Replier
    from mmlu_kit.models import loading, positions, tokenizers
    from mmlu_kit.recall import sessions

    if setting.threads:
        torch.set_num_threads(setting.threads)
    tokenizer = tokenizers.load_tokenizer(setting.manifest.path)
    template = ChatTemplate(tokenizer, setting.template_arguments)
    model, effective, reason = loading.load(setting.manifest, setting.requested, setting.on_unavailable)
    if model is None:
        return Chats(None, reason, [])
    context = positions.context_length(model)
    limit = None if context is None else context - setting.max_new_tokens
    chats = []
    for part in parts:
        log = states.load(part.restored).messages if part.restored else sessions.messages(setting.system, [])
        replier = Replier(model, template)
        with progress.Bar(f"{part.strategy} chat", len(part.user)) as bar:
            turns = sessions.converse(log, part.user, part.strategy, replier, limit, setting.max_new_tokens, bar.advance)
        if part.saved:
            identity = states.model_identity(setting.name, setting.manifest)
            log = sessions.messages(setting.system, turns)
            states.save(part.saved, log, part.strategy, identity, states.template_hash(template))
        chats.append(turns)
    return Chats(effective, reason, chats)
