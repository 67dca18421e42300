"""The recall experiment with a loaded model: its views, its replies and their times."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter

from mmlu_kit import progress, sources
from mmlu_kit.chat import replies
from mmlu_kit.chat.views import Strategy
from mmlu_kit.evaluation.chat_templates import ChatTemplate
from mmlu_kit.evaluation.journal import Journal, journal_key
from mmlu_kit.inputs.checkpoints import Manifest
from mmlu_kit.models import loading, positions
from mmlu_kit.models.loading import Loaded
from mmlu_kit.recall import conversations, judging, probes, sessions, times
from mmlu_kit.recall.conversations import Material
from mmlu_kit.recall.documents import RecallFile, RecallTimesFile, Session
from mmlu_kit.recall.scripts import Example
from mmlu_kit.settings import SETTINGS, LoadSettings
from mmlu_kit.timing import machine

_REPLIES = TypeAdapter(list[str])


@dataclass(frozen=True)
class Plan:
    """The size of the experiment: `trials_each` conversations of each kind at each distance, the first `timed` are timed."""

    strategies: Sequence[Strategy]
    distances: Sequence[int]
    trials_each: int
    timed: int
    max_new_tokens: int
    seed: int


class Experiment:
    """Runs the experiment with a loaded model; `example` is the writeup's, run with history on and off.

    A strategy that cannot hold even the system message and the question raises UserError.
    """

    def __init__(
        self,
        name: str,
        manifest: Manifest,
        requested: LoadSettings,
        loaded: Loaded,
        template: ChatTemplate,
        material: Material,
        example: Example,
        plan: Plan,
    ) -> None:
        assert loaded.model is not None and loaded.effective is not None
        self.name, self.manifest, self.requested, self.plan = name, manifest, requested, plan
        self.template_arguments = template.arguments
        self.effective, self.reason = loaded.effective, loaded.reason
        self.material = material
        self.example = conversations.example(material, example.fact, example.value)
        self.device = loaded.model.device.type
        self.context = positions.context_length(loaded.model)
        self.limit = None if self.context is None else self.context - plan.max_new_tokens
        self.replier = replies.Replier(loaded.model, template)
        self.trials = conversations.trials(material, plan.distances, plan.trials_each, plan.seed)
        self.probes = probes.probes(self.trials, plan.strategies, template, self.limit)
        self.prompts = probes.distinct_prompts(self.probes)

    def journal_key(self) -> str:
        """The hash of everything that can change a reply."""
        settings = [getattr(self.effective, name) for name in SETTINGS]
        return journal_key(
            self.manifest.hashes,
            [" ".join(map(str, ids)) for ids in self.prompts],
            [*settings, self.plan.max_new_tokens, torch.get_num_threads()],
            machine.device_class(torch, self.device),
            machine.packages(adapter=self.manifest.adapter is not None),
            sources.sources(Path(replies.__file__)) + sources.sources(Path(loading.__file__)),
        )

    def recall(self, journal: Journal | None) -> RecallFile:
        """Return the model's views and replies; `journal` holds replies of an earlier run, and new ones are appended to it."""
        model_answers = self._answers(journal)
        oracle_answers = probes.oracle_answers(self.prompts, self.replier.tokenizer, self.material)
        return RecallFile(
            model=self.name,
            repository=self.manifest.repository,
            commit=self.manifest.commit,
            adapter=self.manifest.adapter_identity,
            parameters=self.manifest.parameters,
            model_files=self.manifest.hashes,
            requested=self.requested,
            template_arguments=self.template_arguments,
            effective=self.effective,
            reason=self.reason,
            context=self.context,
            strategies=list(map(str, self.plan.strategies)),
            distances=list(self.plan.distances),
            trials_each=self.plan.trials_each,
            max_new_tokens=self.plan.max_new_tokens,
            seed=self.plan.seed,
            trials=[probes.trial_record(trial) for trial in self.trials],
            probes=[
                probes.probe_record(
                    probe, self.trials[probe.trial], model_answers[probe.ids], oracle_answers[probe.ids], self.material
                )
                for probe in self.probes
            ],
            alice={"on": self._alice(Strategy("full")), "off": self._alice(Strategy("none"))},
        )

    def times(self) -> RecallTimesFile:
        """Measure times to first token, and times of messages that do not refer to earlier ones."""
        timed = times.to_time(self.probes, self.trials, self.plan.timed)
        # The first call on a device takes longer than later ones, so it is not recorded.
        times.first_token(timed[0], self.trials[timed[0].trial], self.replier)
        messages = self.material.independent
        first_token, independent = [], []
        with progress.Bar(f"{self.name} times", len(timed) + len(times.MODES) * len(messages)) as bar:
            for probe in timed:
                first_token.append(times.first_token(probe, self.trials[probe.trial], self.replier))
                bar.advance(1)
            for mode in times.MODES:
                independent += times.independent(
                    self.material.system, messages, mode, self.replier, self.limit, self.plan.max_new_tokens, bar.advance
                )
        return RecallTimesFile(
            model=self.name,
            repository=self.manifest.repository,
            commit=self.manifest.commit,
            machine=machine.describe(torch),
            threads=torch.get_num_threads(),
            first_token=first_token,
            independent=independent,
        )

    def _answers(self, journal: Journal | None) -> dict[probes.Ids, str]:
        """The model's reply to each prompt, by its tokens."""
        kept = self._kept(journal) if journal else {}
        with progress.Bar(f"{self.name} recall", len(self.prompts) - sum(map(len, kept.values()))) as bar:

            def done(number: int, texts: Sequence[str]) -> None:
                if journal:
                    journal.append(number, [{"text": text} for text in texts])
                bar.advance(len(texts))

            return probes.answers(self.prompts, self.replier, self.plan.max_new_tokens, kept, done)

    def _kept(self, journal: Journal) -> dict[int, list[str]]:
        """The replies in a journal, by batch."""

        def check(number: int, entries: list[dict[str, Any]]) -> list[str]:
            texts = _REPLIES.validate_python([entry.get("text") for entry in entries], strict=True)
            if len(texts) != len(probes.batch(self.prompts, number)):
                raise ValueError("it does not have one reply to each prompt")
            return texts

        kept = journal.checked(check)
        journal.print_dropped()
        return kept

    def _alice(self, strategy: Strategy) -> Session:
        """Run the writeup's example under one strategy, with the model's own replies in the log."""
        self.replier.forget()
        system, *messages = self.example.messages
        user = [message["content"] for message in messages if message["role"] == "user"]
        turns = sessions.converse([system], user, strategy, self.replier, self.limit, self.plan.max_new_tokens)
        return Session(turns=turns, outcome=judging.outcome(turns[-1].assistant, self.example, self.material))
