"""Sizes of the parts: large where a part tells what is liked across artists, small where it does not."""

import numpy as np

from cfaudio_core.data.training_set import Targets, fold_groups
from cfaudio_core.training.part_sizes import likeliest_sizes, with_tuned_size

N = 150
START = {"net": 1.0, "timbre": 0.5, "rhythm": 0.5}


def squared_distances(part: np.ndarray) -> np.ndarray:
    return np.square(part[:, None] - part).sum(axis=2)


def random_parts(seed: int, names: tuple[str, ...] = tuple(START)) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(0, 1, (N, 3)) / np.sqrt(3) for name in names}


def everybody_knows(preference: np.ndarray) -> Targets:
    return Targets(np.float32(preference.reshape(N, 1)), np.ones((N, 1), bool), np.zeros((N, 0), np.float32))


def likeliest(seed: int, liked_by: str) -> dict[str, float]:
    parts = random_parts(seed)
    distances = {name: squared_distances(part) for name, part in parts.items()}
    return likeliest_sizes(distances, START, everybody_knows(np.sign(parts[liked_by][:, 0])), [""] * N)


def test_the_part_that_a_listener_goes_by_grows_and_the_other_shrinks():
    by_timbre, by_rhythm = likeliest(0, "timbre"), likeliest(0, "rhythm")
    assert by_timbre["timbre"] > START["timbre"]
    assert by_timbre["rhythm"] < START["rhythm"]
    assert by_rhythm["rhythm"] > START["rhythm"]


def test_the_choice_is_the_same_twice():
    assert likeliest(3, "timbre") == likeliest(3, "timbre")


def test_a_part_that_only_tells_artists_apart_is_not_credited_with_what_the_artist_explains():
    rng = np.random.default_rng(1)
    artist = np.arange(N) % 25
    parts = random_parts(1) | {"timbre": rng.normal(0, 1, (25, 3))[artist] / np.sqrt(3)}
    preference = rng.normal(0, 1, 25)[artist] + np.sign(parts["net"][:, 0])
    distances = {name: squared_distances(part) for name, part in parts.items()}
    named = likeliest_sizes(distances, START, everybody_knows(preference), [f"artist {a}" for a in artist])
    nameless = likeliest_sizes(distances, START, everybody_knows(preference), [""] * N)
    assert named["timbre"] < nameless["timbre"]


def test_an_adapter_that_tells_what_is_liked_grows_and_its_worth_is_measured():
    parts = random_parts(2, ("net", "tuned"))
    distances = {name: squared_distances(part) for name, part in parts.items()}
    start, fold = {"net": 1.0, "tuned": 0.5}, fold_groups([""] * N, 3, 0)

    def choose(liked_by: str) -> tuple[dict[str, float], dict[str, float]]:
        targets = everybody_knows(np.sign(parts[liked_by][:, 0]))
        return with_tuned_size(lambda part, k: distances[part], start, targets, fold)

    sizes, errors = choose("tuned")
    assert sizes["tuned"] > start["tuned"]
    assert sizes["net"] == start["net"]
    assert errors["tuned"] > errors["chosen"] + 0.1
    assert choose("net")[0]["tuned"] < start["tuned"]


def test_tracks_of_one_artist_are_held_out_together_and_folds_are_about_even():
    names = [f"artist {i % 20}" for i in range(100)] + ["", ""]
    fold = fold_groups(names, 4, seed=0)
    assert all(len({fold[i] for i in range(100) if names[i] == name}) == 1 for name in names[:20])
    assert np.bincount(fold).min() >= 25
