"""Sizes of the parts: large where a part tells what is liked of artists never seen, small where it does not."""

import numpy as np

from cfaudio_core.data.training_set import Targets, fold_groups
from cfaudio_core.training.part_sizes import choose_sizes

N = 150
START = {"net": 1.0, "timbre": 0.5, "rhythm": 0.5}


def choose(seed: int, liked_by: str) -> tuple[dict[str, float], dict[str, float]]:
    rng = np.random.default_rng(seed)
    parts = {name: rng.normal(0, 1, (N, 3)) / np.sqrt(3) for name in START}
    apart = {name: np.square(part[:, None] - part).sum(axis=2) for name, part in parts.items()}
    preference = np.float32(np.sign(parts[liked_by][:, :1]))
    targets = Targets(preference, np.ones((N, 1), bool), np.zeros((N, 0), np.float32))
    return choose_sizes(lambda name, fold: apart[name], START, targets, fold_groups([""] * N, 3, seed))


def test_the_part_that_a_listener_goes_by_grows_and_the_other_shrinks():
    sizes, errors = choose(0, "timbre")
    assert sizes["timbre"] > START["timbre"]
    assert sizes["rhythm"] < START["rhythm"]
    assert errors["timbre"] > errors["chosen"] + 0.1
    assert choose(0, "rhythm")[0]["rhythm"] > START["rhythm"]


def test_the_choice_is_the_same_twice():
    assert choose(3, "timbre") == choose(3, "timbre")


def test_tracks_of_one_artist_are_held_out_together_and_folds_are_about_even():
    names = [f"artist {i % 20}" for i in range(100)] + ["", ""]
    fold = fold_groups(names, 4, seed=0)
    assert all(len({fold[i] for i in range(100) if names[i] == name}) == 1 for name in names[:20])
    assert np.bincount(fold).min() >= 25
