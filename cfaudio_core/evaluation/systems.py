"""The systems that are judged side by side: baselines, cfaudio itself, and cfaudio with a part taken away.

cfaudio learns and places here by the very functions that `beet cfembed` runs, on what a case lets it know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from scipy import sparse

from cfaudio_core.data.interactions import gather
from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.training_set import unit
from cfaudio_core.evaluation import baselines
from cfaudio_core.evaluation.tasks import Case, World
from cfaudio_core.factorization.factorizer import make_factorizer
from cfaudio_core.features.feature_matrix import Landscape
from cfaudio_core.features.feature_space import Sound
from cfaudio_core.pipeline.scoring import place
from cfaudio_core.training.fit import learn, tuned_factorizer
from cfaudio_core.util.arrays import FloatArray, float32

System = Callable[[World, Case], FloatArray]
"""Scores, float32 (n,) or one row a task, (tasks, n); higher is better."""

CFAUDIO = "cfaudio"
ARTIST_MEAN = "artist mean"
UPPER_BOUND = "upper bound"


def cfaudio(world: World, case: Case) -> FloatArray:
    """The scores of cfaudio; for sessions to be completed, cosine of its vectors to those that are given."""
    return _cfaudio(world, case, world.sound)


def without_sound(world: World, case: Case) -> FloatArray:
    """The same, where all tracks sound alike."""
    sound = world.sound
    alike = {part: np.zeros_like(getattr(sound, part)) for part in ("summaries", "spreads", "within")}
    return _cfaudio(world, case, sound._replace(**alike))


def shuffled_sound(world: World, case: Case) -> FloatArray:
    """The same, where every track sounds like another one: what is left when sound means nothing."""
    order = np.random.default_rng([case.seed, case.part]).permutation(len(world.tracks))
    sound = world.sound
    return _cfaudio(world, case, sound._replace(summaries=sound.summaries[order], spreads=sound.spreads[order]))


def factors_alone(world: World, case: Case) -> FloatArray:
    """Factors of what is known: a track that nobody ever played has none."""
    return _factors(world, case, case.people)


def upper_bound(world: World, case: Case) -> FloatArray:
    """Factors that saw what is hidden, as no recommender can."""
    return _factors(world, case, case.everything)


SYSTEMS: Mapping[str, System] = MappingProxyType(
    {
        "random": baselines.chance,
        "popularity": baselines.popularity,
        "decayed counts": baselines.decayed_counts,
        ARTIST_MEAN: baselines.artist_mean,
        "frozen cosine": baselines.frozen_cosine,
        "frozen kernel": baselines.frozen_kernel,
        "factors alone": factors_alone,
        CFAUDIO: cfaudio,
        "without sound": without_sound,
        "shuffled sound": shuffled_sound,
        UPPER_BOUND: upper_bound,
    }
)
"""In the order of the table."""


def _cfaudio(world: World, case: Case, sound: Sound) -> FloatArray:
    lesson = replace(world.lesson, seed=world.lesson.seed + case.seed)
    model, impressions = learn(case.tracks, case.people, Landscape.of(sound), world.net, lesson)
    places = place(model, case.tracks, case.people, impressions)
    if not case.completes:
        return places.scores.get(case.listener.name, np.zeros(len(world.tracks), np.float32))
    vectors = places.vectors
    return float32([vectors @ unit(vectors[task.given].mean(axis=0)[None])[0] for task in case.tasks])


def _factors(world: World, case: Case, people: list[Listener]) -> FloatArray:
    """How much each track belongs to the listener's contexts, or to what is given."""
    contexts = gather(case.tracks, people)
    lesson = replace(world.lesson, seed=world.lesson.seed + case.seed)
    factorizer = make_factorizer(lesson.factorizer, tuned_factorizer(contexts, lesson, lesson.factors).settings)
    factors = factorizer.fit(contexts.matrix, np.random.default_rng(lesson.seed))
    if case.completes:
        row = np.repeat(np.arange(len(case.tasks)), [len(task.given) for task in case.tasks])
        given = np.concatenate([task.given for task in case.tasks])
        once = np.full(len(given), np.log(2), np.float32)  # as in `contexts.gather`
        wanted = sparse.csr_array((once, (row, given)), shape=(len(case.tasks), len(world.tracks)))
    else:
        mine = gather(case.tracks, people[:1])
        wanted = sparse.csr_array(mine.matrix[[kind == "listener" for kind in mine.kinds]])
    return float32(factorizer.fold_in(wanted, factors) @ factors.tracks.T)
