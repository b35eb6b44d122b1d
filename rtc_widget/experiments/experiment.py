"""Experiment: every variant on every scenario, several times over, in calls of their own."""

from __future__ import annotations

import contextvars
import inspect
import random
import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rtc_widget._arguments import (
    checked_count,
    checked_flag,
    checked_progress,
    checked_seed,
    checked_timeout,
    checked_variant,
    expanded,
)
from rtc_widget._errors import ConfigurationError
from rtc_widget._loop import submit
from rtc_widget.experiments import kept
from rtc_widget.experiments.executors import check_executor
from rtc_widget.experiments.run import Plan, ProviderOf, session_of
from rtc_widget.experiments.scenario import Scenario
from rtc_widget.experiments.scoring import Scorer, checked_scorers
from rtc_widget.experiments.stage import Running, Stage
from rtc_widget.experiments.unattended import check_tools
from rtc_widget.log.progress import progress_bar
from rtc_widget.protocol import SESSION_PLACES
from rtc_widget.protocol.nearest import nearest
from rtc_widget.providers import Provider

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from concurrent.futures import Executor
    from pathlib import Path

    from rtc_widget.experiments.variant import Variant

__all__ = ["Experiment"]


class Experiment:
    """The grid: each variant meets each scenario `repeats` times, each time in a new headless call.

    Repeat by repeat the trials are shuffled among each other, so that a service that becomes slower during
    the experiment does so to all variants alike; a repeat of a scenario is a pair that `compare` looks at.

        order = rtc.Scenario("order", [rtc.Play("order.wav")])
        results = await rtc.Experiment(variants=[calm, brisk], scenarios=[order], repeats=6).run()
        results.compare("latency_heard_ms", baseline="calm")

    Parameters
    ----------
    variants : sequence of Variant
        Two of one name are refused: every frame tells them apart by it.
    scenarios : sequence of Scenario
        Likewise.
    repeats : int
        How often each of them meets each. `compare` needs six pairs (scenarios times repeats) to tell
        anything.
    scorers : sequence of functions
        Each judges a trial, a step or a turn: `def brief(turn): return len(turn.transcript.split()) < 20`.
        Parameters named `trial`, `recording`, `turn`, `step` and `turns` (of the step) get just that: with
        `turn`, or a single one of another name, it is called for each turn, with `step` or `turns` for each
        step that was taken (and for one that failed because nobody heard what was played: it has no turns),
        else once a trial. It returns a number, a bool, a dict of them, or None; it may be async, and
        prints where the experiment was made. What it raises, and one that takes longer than ten minutes, is
        a row of `scores` with its error.
    provider : Provider, or a function that makes one; optional
        Where calls are made; None takes the default one. For an executor of processes: a function, since a
        provider holds a key and does not travel.
    directory : path
        The experiment gets a folder of its own in it, and each session one in that.
    record : bool
        Whether both sides are recorded: latency can be heard, and `listen()` has what to play.
    seed : int
        Of the order of the trials: the same one, the same order.
    timeout : float
        Of one step, in s.
    fields
        What every session is made with, before the variant: tools, instructions, turn_detection, …

    Raises
    ------
    ConfigurationError
        For nothing to run, two things of one name, or what is no variant, scenario, scorer or provider.
    """

    def __init__(
        self,
        *,
        variants: Sequence[Variant],
        scenarios: Sequence[Scenario],
        repeats: int = 3,
        scorers: Sequence[Scorer] = (),
        provider: Provider | ProviderOf | None = None,
        directory: str | os.PathLike[str] = "rtc_sessions",
        record: bool = True,
        seed: int = 0,
        timeout: float = 60.0,
        **fields: Any,
    ) -> None:
        given = _several(variants, "variants", 'rtc.Variant("calm", …)')
        self.variants = [checked_variant(variant) for variant in given]
        self.scenarios = _several(scenarios, "scenarios", 'rtc.Scenario("order", [rtc.Say("Hello.")])')
        for scenario in self.scenarios:
            if not isinstance(scenario, Scenario):
                raise ConfigurationError(f'A scenario is rtc.Scenario("order", […]), not {scenario!r}.')
        _check_names("variants", [variant.name for variant in self.variants])
        _check_names("scenarios", [scenario.name for scenario in self.scenarios])
        if provider is not None and not isinstance(provider, Provider) and not callable(provider):
            raise ConfigurationError(
                f"provider is rtc.Sandbox() or the like, or a function that makes one, not {provider!r}."
            )
        _check_maker(provider)
        self.repeats = checked_count(repeats, "repeats is how often each variant meets each scenario")
        self.scorers = checked_scorers(scorers)
        self._provider = provider
        self._directory = expanded(directory).absolute()
        self._record = checked_flag(record, "record")
        self._seed = checked_seed(seed)
        self._timeout = checked_timeout(timeout)
        _check_keywords(fields)
        tools = fields.get("tools")
        check_tools(tools if isinstance(tools, Sequence) else (), "leave it out, or needs_approval off.")
        self._fields = fields
        self._context = contextvars.copy_context()

    @property
    def n_trials(self) -> int:
        """How many calls it takes."""
        return len(self.variants) * len(self.scenarios) * self.repeats

    def __repr__(self) -> str:
        """Show the grid."""
        sizes = [(len(self.variants), "variant"), (len(self.scenarios), "scenario"), (self.repeats, "repeat")]
        grid = " × ".join(f"{n} {what}{'' if n == 1 else 's'}" for n, what in sizes)
        return f"<Experiment: {grid} = {self.n_trials} calls>"

    def run(
        self, *, executor: Executor | None = None, max_sessions: int = 4, progress: bool | None = None
    ) -> Running:
        """Hold all trials, and score them.

        A trial that fails is a row of `trials` with its error; the others go on. Each is written down as it
        ends, and its scores when they are there: what has been held when it is cancelled, or the process
        ends, is read with `rtc.Results.load(handle.folder)`. To interrupt `result()` cancels it.

        Parameters
        ----------
        executor : concurrent.futures.Executor, optional
            Where calls are held: threads, processes, or a cluster's (of a Dask client, `get_executor()`);
            None: in this process, all on one thread. Processes keep calls from slowing each other down.
            Sessions are read from their folders, which this process must see too. When it is cancelled, a
            file `cancelled` there makes them end their calls, within a second or so.
        max_sessions : int
            How many calls at once.
        progress : bool, optional
            Whether a bar is shown, where tqdm is installed; None: in a notebook or a terminal.

        Returns
        -------
        Running
            A handle of the Results: `await` it, or in a script `run().result()`; its `folder` is where they
            lie.

        Raises
        ------
        ConfigurationError
            Before anything is sent: for a field that no session takes, a missing package, a folder that
            cannot be written, what cannot be sent to other processes, or an argument that is none.
        """
        checked_count(max_sessions, "max_sessions is how many calls are held at once")
        progress = checked_progress(progress)
        start = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S")
        folder = self._directory / f"{start}-experiment-{secrets.token_hex(3)}"
        plans = self._plans(folder)
        check_executor(executor, plans[: len(self.variants) * len(self.scenarios)])
        self._check(plans[: len(self.variants) * len(self.scenarios)])
        kept.begin(folder, self.variants, self.scenarios)
        bar = progress_bar(len(plans), "trials", wanted=progress)
        stage = Stage(folder, executor, max_sessions, self.scorers, self._context, bar)
        return Running(submit(stage.hold(plans, [variant.name for variant in self.variants])), stage)

    def _plans(self, folder: Path) -> list[Plan]:
        """Return the trials in the order in which they are held."""
        dice = random.Random(self._seed)  # noqa: S311 - an order, no secret
        plans = []
        for repeat in range(self.repeats):
            grid = [(variant, scenario) for scenario in self.scenarios for variant in self.variants]
            dice.shuffle(grid)
            plans += [
                Plan(
                    variant=variant,
                    scenario=scenario,
                    repeat=repeat,
                    provider=self._provider,
                    fields=self._fields,
                    directory=str(folder),
                    record=self._record,
                    timeout=self._timeout,
                )
                for variant, scenario in grid
            ]
        return plans

    def _check(self, plans: Sequence[Plan]) -> None:
        """Make a session of each variant, and throw it away: what no call can be made with raises here."""
        for plan in {plan.variant.name: plan for plan in plans}.values():
            session = session_of(replace(plan, directory=None))
            session.update(plan.variant).result()
            session.close()


def _check_maker(provider: object) -> None:
    """Refuse a function that wants arguments, or a class that does: each trial calls it without any."""
    if isinstance(provider, Provider) or not callable(provider):
        return
    try:
        inspect.signature(provider).bind()
    except TypeError as error:
        raise ConfigurationError(
            f"provider is a function that makes one without arguments ({error}): "
            'provider=lambda: rtc.AzureOpenAI("my-resource", "my-deployment").'
        ) from None
    except ValueError:  # one that does not tell what it takes
        return


def _several(given: object, what: str, form: str) -> list[Any]:
    if isinstance(given, str | bytes | dict) or not isinstance(given, Sequence) or not given:
        raise ConfigurationError(f"{what} is a list of at least one: {what}=[{form}], not {given!r}.")
    return list(given)


def _check_keywords(fields: Mapping[str, Any]) -> None:
    """Refuse what is meant for the experiment, and would else be taken for a field of the session."""
    ours = [name for name in inspect.signature(Experiment).parameters if name != "fields"]
    for name in fields.keys() - SESSION_PLACES.keys():
        meant = nearest(name, ours)
        if meant is not None:
            raise ConfigurationError(f"{name}= is no keyword here. Did you mean {meant}=?")


def _check_names(what: str, names: Sequence[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ConfigurationError(
            f"Two {what} are called {twice[0]!r}, and no frame could tell them apart: give one another name."
        )
