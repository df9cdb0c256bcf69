"""Nets trained on a library: what they learn, that their held-out predictions are honest, and what they are worth."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from synthetic import NET, QUICK, make_library, make_tracks

from cfaudio_core.audio.melspec import band_statistics
from cfaudio_core.backbones.registry import load_backbone
from cfaudio_core.data.training_set import Targets, TrainingSet, unit
from cfaudio_core.evaluation.held_out import evaluate_held_out
from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.features.feature_space import FeatureSpace
from cfaudio_core.features.summaries import summarize_tracks
from cfaudio_core.finetuning.fine_tune import NetEnsemble, collect_windows, train_net
from cfaudio_core.finetuning.networks import Head, Pooled
from cfaudio_core.finetuning.settings import NetSettings, Schedule
from cfaudio_core.finetuning.trainer import make_loss, train
from cfaudio_core.models.knn_graph import knn_graph
from cfaudio_core.models.stacking import apply_stack, fit_stack
from cfaudio_core.models.training_snapshot import TrainingSnapshot
from cfaudio_core.pipeline.scoring import embed_tracks, predict_tracks
from cfaudio_core.training.fit import fit_model, make_model_id
from cfaudio_core.training.selection import hold_out_groups
from cfaudio_core.util.fingerprint import fingerprint

FAST = NetSettings("head", hidden=32, dropout=0.2, input_dropout=0.0, head=Schedule(1e-2, 200, 10, patience=6))


def make_windows(n=240, windows=4, dim=6, seed=0):
    """Windows that differ a little around a track's features; and those features."""
    rng = np.random.default_rng(seed)
    sound = rng.normal(0, 1, (n, dim))
    return (sound[:, None] + rng.normal(0, 0.1, (n, windows, dim))).astype(np.float16), np.float32(sound)


def make_targets(preference, direction=None):
    values = np.float32(preference)[:, None]
    none = np.zeros((len(values), 0), np.float32)
    return Targets(values, np.ones(values.shape, bool), none if direction is None else direction)


def trained(windows, targets, settings=FAST, seed=0):
    fold = np.arange(len(windows)) % 3
    dim, outputs = windows.shape[2], targets.values.shape[1]
    return train(lambda: Head(dim, outputs, settings), windows, targets, fold, settings, seed)


def stacked(by_kernel, by_net, targets, groups, fold):
    """As `fit_stack`, of a training set that needs no features."""
    return fit_stack(by_kernel, by_net, TrainingSet(None, None, None, targets, groups, fold))


def correlation(one, other):
    return np.corrcoef(one, other)[0, 1]


def test_a_preference_that_no_line_can_tell_is_predicted_for_tracks_never_seen():
    windows, sound = make_windows()
    _, held_out = trained(windows, make_targets(np.abs(sound[:, 0]) - np.abs(sound[:, 1])))
    assert correlation(held_out[:, 0], np.abs(sound[:, 0]) - np.abs(sound[:, 1])) > 0.7


def test_factors_are_learnt_beside_preferences():
    windows, sound = make_windows()
    direction = unit(sound[:, 1:4])
    _, held_out = trained(windows, make_targets(sound[:, 0], direction))
    assert held_out.shape == (240, 4)
    assert np.mean(np.sum(unit(held_out[:, 1:]) * direction, axis=1)) > 0.85


@pytest.mark.parametrize("layers", [2, 3])
def test_a_deeper_head_learns_and_predicts_again(layers):
    windows, sound = make_windows()
    settings = replace(FAST, layers=layers)
    states, held_out = trained(windows, make_targets(np.abs(sound[:, 0]) - np.abs(sound[:, 1])), settings)
    assert correlation(held_out[:, 0], np.abs(sound[:, 0]) - np.abs(sound[:, 1])) > 0.7
    assert sum(name.endswith("weight") for name in states[0]) == layers + 1
    again = NetEnsemble(states[:1], settings).predict(windows.mean(axis=1) / np.float32(np.sqrt(windows.shape[2])))
    first = np.arange(len(windows)) % 3 == 0
    np.testing.assert_allclose(again[first], held_out[first], atol=0.02)  # of a mean in 16 bits


def test_the_prediction_for_a_track_held_out_does_not_follow_the_truth_about_it():
    windows, sound = make_windows(120)
    one = make_targets(sound[:, 0])
    other = make_targets(np.where(np.arange(120) % 3 == 0, -5, sound[:, 0]))  # all of the first part, and nothing else
    first = np.arange(120) % 3 == 0
    # Not even by way of when to stop, which is decided on other tracks.
    np.testing.assert_array_equal(trained(windows, one)[1][first], trained(windows, other)[1][first])


def test_the_same_seed_gives_the_same_nets_and_another_one_others():
    windows, sound = make_windows(90)
    targets = make_targets(sound[:, 0])
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    one, same, other = (trained(windows, targets, seed=seed)[1] for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
    assert torch.equal(torch.random.get_rng_state(), before)  # nobody else's random numbers are touched


def test_the_windows_of_a_track_lie_around_its_features():
    windows = {f"key{i}": np.random.default_rng(i).normal(0, 3, (5, 4)).astype(np.float16) for i in range(20)}
    sound = summarize_tracks(windows.items(), list(windows))
    space = FeatureSpace.fit(sound)
    means = [space.transform_windows(own).mean(axis=0) for own in windows.values()]
    np.testing.assert_allclose(means, space.transform(sound), atol=1e-5)


def test_there_are_as_many_windows_as_there_is_room_for_evenly_chosen():
    mega = 2**20 // 2  # numbers of 16 bits
    keys = ["a", "b", "a"]
    asked = []

    def read(some):
        asked.extend(some)
        yield "a", np.arange(8)[:, None] * np.ones((1, mega))
        yield "b", np.full((1, mega), 9.0)  # too short a track for more windows

    rows, windows = collect_windows(read, keys, (mega,), NetSettings(cache_size=6), seed=0)
    assert rows.tolist() == [0, 1, 2]
    assert windows.shape == (3, 2, mega)
    assert asked == ["a", "b"]
    assert windows[:, :, 0].tolist() == [[2, 6], [9, 9], [2, 6]]


@pytest.mark.parametrize(("noise", "heeded"), [(0.5, True), (30.0, False)])
def test_a_net_is_heeded_if_it_adds_to_the_kernel_machine(noise, heeded):
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 1, 300)
    targets = make_targets(truth)
    kernel, net = (np.float32(truth + rng.normal(0, spread, 300))[:, None] for spread in (0.5, noise))
    shares, together = stacked(kernel, net, targets, np.array([0]), np.arange(300) % 5)
    errors = [np.mean((predicted[:, 0] - truth) ** 2) for predicted in (together, kernel)]
    if heeded:
        assert shares[1, 0] > 0.3
        assert errors[0] < 0.7 * errors[1]
    else:
        assert shares[:, 0].tolist() == [1, 0]
        np.testing.assert_array_equal(together, kernel)


def test_a_net_is_not_credited_with_what_a_shorter_prediction_of_the_kernel_machine_does():
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 1, 300)
    kernel = np.float32(2 * truth + rng.normal(0, 1, 300))[:, None]  # twice as long as it should be
    noise = np.float32(rng.normal(0, 1, 300) + 0.1 * truth)[:, None]
    shares, together = stacked(kernel, noise, make_targets(truth), np.array([0]), np.arange(300) % 5)
    assert shares[:, 0].tolist() == [1, 0]
    np.testing.assert_array_equal(together, kernel)


def test_a_net_is_not_credited_with_what_is_the_same_for_all_tracks():
    rng = np.random.default_rng(0)
    direction = unit(rng.normal([1, 0, 0, 0], 1, (300, 4)))
    targets = Targets(np.zeros((300, 1), np.float32), np.ones((300, 1), bool), direction)
    mean = direction.mean(axis=0)
    misled = np.float32(mean + rng.normal(0, 0.4, (300, 4)))  # by sound that means nothing
    nothing, groups, fold = np.zeros((300, 1), np.float32), np.array([0, 1, 1, 1, 1]), np.arange(300) % 5
    everywhere = np.hstack([nothing, np.float32(np.tile(mean, (300, 1)))])
    shares, _ = stacked(np.hstack([nothing, misled]), everywhere, targets, groups, fold)
    assert shares[1].tolist() == [0] * 5


def test_what_is_gained_by_luck_counts_for_nothing():
    rng = np.random.default_rng(0)
    heeded = []
    for _ in range(100):  # nets of noise, on few tracks
        truth = rng.normal(0, 1, 60)
        kernel = np.float32(0.5 * truth + rng.normal(0, 0.5, 60))[:, None]
        noise = np.float32(rng.normal(0, 1, 60))[:, None]
        shares, _ = stacked(kernel, noise, make_targets(truth), np.array([0]), np.arange(60) % 5)
        heeded.append(shares[1, 0] > 0)
    assert np.mean(heeded) <= 0.02


def test_what_helps_with_one_artist_of_a_few_may_be_luck():
    rng = np.random.default_rng(0)
    artist = np.arange(300) // 60
    truth = np.float32(rng.normal(0, 1, 300))
    kernel = np.float32(rng.normal(0, 0.5, 300))[:, None]
    net = np.float32(np.where(artist == 2, truth, 0))[:, None]
    training_set = TrainingSet(None, None, None, make_targets(truth), np.array([0]), np.arange(300) % 5)
    heeded = [fit_stack(kernel, net, training_set, units)[0][1, 0] > 0 for units in (None, artist)]
    assert heeded == [True, False]


def test_listeners_have_stacks_of_their_own_and_factors_one_in_common():
    rng = np.random.default_rng(0)
    truth = np.float32(rng.normal(0, 1, (200, 4)))
    noise = np.float32(rng.normal(0, 1, (200, 4)))
    by_kernel, by_net = truth + [0, 1, 1, 1] * noise, truth + [1, 0, 0, 1] * noise[::-1]
    targets = Targets(truth[:, :2], np.ones((200, 2), bool), truth[:, 2:])
    shares, _ = stacked(np.float32(by_kernel), np.float32(by_net), targets, np.array([0, 1, 2, 2]), np.arange(200) % 5)
    assert shares[:, 0].tolist() == [1, 0]
    assert shares[1, 1] == pytest.approx(1, abs=0.01)
    assert (shares[:, 2] == shares[:, 3]).all()
    assert shares[1, 2] > shares[0, 2] > 0


def training_set_of(tracks, known=None, parts=5):
    """A training set of some of the tracks, all of which sound alike and are liked alike."""
    known = np.arange(len(tracks)) if known is None else known
    features = np.zeros((len(tracks), 1), np.float32)
    fold = np.arange(len(known)) % parts
    targets = make_targets(np.zeros(len(known)))
    return TrainingSet(features[known], knn_graph(features), known, targets, np.array([0]), fold)


@pytest.mark.parametrize("kind", ["albums", "artists"])
def test_albums_and_artists_are_held_out_whole_in_parts_of_about_one_size(kind):
    sizes = [12, 9, 8, 7, 7, 6, 5, 5, 4, 3, 2, 1, 1]
    names = [f"name {i}" for i, size in enumerate(sizes) for _ in range(size)] + [""] * 30
    tracks = make_tracks(100, **{kind: names})
    held_out, by = hold_out_groups(tracks, training_set_of(tracks), seed=0)
    fold = held_out.fold
    assert by == kind
    assert all(len({fold[i] for i in range(100) if names[i] == name}) == 1 for name in set(names) - {""})
    assert np.bincount(fold).tolist() == [20] * 5


def test_artists_are_held_out_rather_than_albums_if_there_are_enough_of_them():
    albums = [f"album {i // 2}" for i in range(50)]
    for n_artists, expected in ((10, "artists"), (2, "albums")):
        tracks = make_tracks(50, albums=albums, artists=[f"artist {i * n_artists // 50}" for i in range(50)])
        assert hold_out_groups(tracks, training_set_of(tracks), seed=0)[1] == expected


@pytest.mark.parametrize("albums", [[""] * 50, [f"album {i}" for i in range(50)], ["the only one"] * 50])
def test_where_nothing_can_be_held_out_as_a_whole_tracks_are(albums):
    tracks = make_tracks(50, albums=albums)
    training_set = training_set_of(tracks)
    assert hold_out_groups(tracks, training_set, seed=0) == (training_set, "tracks")


def test_of_many_tracks_some_are_compared_on():
    tracks = make_tracks(90, albums=[f"album {i // 3}" for i in range(90)])
    training_set = training_set_of(tracks, np.arange(0, 90, 1))
    some, _ = hold_out_groups(tracks, training_set, seed=0, n_max=40)
    assert len(some.known) == len(some.targets) == len(some.fold) == 40
    assert len(hold_out_groups(tracks, training_set, seed=0, n_max=None)[0].known) == 90


class Steady:
    """Three windows of each track of a library, all the same."""

    def __init__(self, library):
        root = library.summaries.astype(np.float64)
        self.rows = dict(zip(library.tracks.keys, (np.sign(root) * root**2).astype(np.float16), strict=True))

    def features(self, keys):
        return ((key, np.tile(self.rows[key], (3, 1))) for key in keys)


def test_a_net_that_is_heeded_becomes_part_of_the_model_and_is_the_better_for_it():
    library = make_library(240)
    liking = library.summaries[:, 0]  # a straight line, which a kernel machine has to piece together
    plays = np.where(np.arange(240) % 2 == 0, np.round(20 * np.exp(liking)) + 1, 0)
    person = replace(library.listener, plays=np.float32(plays))
    tracks = make_tracks(240)
    sound = summarize_tracks(Steady(library).features(tracks.keys), tracks.keys)
    settings = replace(QUICK, net=FAST)
    plain, _ = fit_model(tracks, [person], FeatureMatrix.of(sound), NET, QUICK)
    model, predictions = fit_model(tracks, [person], FeatureMatrix.of(sound), NET, settings, Steady(library))
    assert model.stack_weights[1, 0] > 0.2
    fresh = np.flatnonzero(plays == 0)
    features = model.feature_space.transform(sound)
    by_net = NetEnsemble(model.nets, FAST).predict(features)
    both = (plain, None), (model, by_net)
    feature_matrix = FeatureMatrix.of(sound)
    predicted = [predict_tracks(m, tracks, [person], m.predict(feature_matrix), net)[0][fresh, 0] for m, net in both]
    assert correlation(predicted[1], liking[fresh]) > correlation(predicted[0], liking[fresh])
    assert np.isfinite(embed_tracks(model, tracks, [person], predictions, by_net).scores["me"]).all()
    verdict = evaluate_held_out(model)[0]
    assert verdict.baselines["model"] > verdict.baselines["kernel"] > 0.6 > verdict.baselines["shuffled"]


def test_where_artists_are_liked_as_a_whole_a_tag_tells_of_their_albums_and_of_no_other_artist():
    library = make_library(240)
    liked = np.random.default_rng(0).random(24) < 0.5  # an artist has two albums of five
    plays = np.where(np.arange(240) % 2 == 0, np.where(liked[np.arange(240) // 10], 9, 1), 0)
    person = replace(library.listener, plays=np.float32(plays))
    model = fit_model(library.tracks, [person], FeatureMatrix.of(library.sound), NET, QUICK)[0]
    assert model.info.held_out_by == "artists"
    compared = evaluate_held_out(model)[0].baselines
    assert compared["artist"] == 0.5
    two = replace(library.tracks, artists=["a" if liked[i // 10] else "b" for i in range(240)], genres=[()] * 240)
    model = fit_model(two, [person], FeatureMatrix.of(library.sound), NET, QUICK)[0]
    assert model.info.held_out_by == "albums"
    compared = evaluate_held_out(model)[0].baselines
    assert compared["artist"] > 0.8
    assert compared["model"] > 0.8
    assert abs(compared["shuffled"] - 0.5) < 0.12
    assert "net" not in compared


def test_a_net_that_is_not_heeded_leaves_the_model_as_it_would_be_without_one():
    library = make_library(120)
    hopeless = replace(FAST, head=Schedule(1e-6, 1))
    frozen = replace(QUICK, seed=2)
    settings = replace(frozen, net=hopeless)
    plain, _ = fit_model(library.tracks, [library.listener], FeatureMatrix.of(library.sound), NET, frozen)
    model, _ = fit_model(
        library.tracks, [library.listener], FeatureMatrix.of(library.sound), NET, settings, Steady(library)
    )
    assert model.held_out.baselines.keys() - plain.held_out.baselines.keys() == {"net"}
    del model.held_out.baselines["net"]
    assert fingerprint(replace(model, info=plain.info)) == fingerprint(plain)


@pytest.mark.parametrize("loss", ["mse", "contrastive"])
def test_every_loss_learns_the_factors(loss):
    windows, sound = make_windows(240)
    direction = unit(sound[:, 1:4])
    _, held_out = trained(windows, make_targets(sound[:, 0], direction), replace(FAST, loss=loss))
    assert np.mean(np.sum(unit(held_out[:, 1:]) * direction, axis=1)) > 0.85
    assert correlation(held_out[:, 0], sound[:, 0]) > 0.85


@pytest.mark.parametrize("loss", ["mse", "contrastive"])
def test_every_loss_does_without_factors(loss):
    targets = make_targets([1.0, -1.0])
    assert make_loss(loss, targets)(torch.zeros(2, 1), np.array([0, 1])).item() == 1


def test_a_contrast_is_least_where_every_track_is_nearest_to_its_own_factors():
    direction = np.eye(4, dtype=np.float32)
    targets = make_targets(np.zeros(4), direction)
    loss = {name: make_loss(name, targets) for name in ("mse", "contrastive")}
    own = torch.from_numpy(np.hstack([np.zeros((4, 1), np.float32), 0.5 * direction]))
    swapped = own[:, [0, 2, 1, 4, 3]]
    rows = np.arange(4)
    contrast = [
        (loss["contrastive"](predicted, rows) - loss["mse"](predicted, rows)).item() for predicted in (own, swapped)
    ]
    assert contrast[0] < 0 < contrast[1]


PATCHES = np.random.default_rng(3).uniform(0, 3, (40, 2, 1, 96)) + np.random.default_rng(4).uniform(
    0, 2, (40, 2, 187, 96)
)


class Real:
    """Random patches, analysed by the real net; every other track is much louder."""

    patches_of: ClassVar = {f"key{i}": np.float16(PATCHES[i] * (1 + i % 2)) for i in range(40)}

    def patches(self, keys):
        return ((key, self.patches_of[key]) for key in keys)

    def features(self, keys):
        net = self.backbone()
        return (
            (key, np.float16(np.hstack([net.activations(np.float32(p)).pooled, band_statistics(np.float32(p))])))
            for key, p in self.patches(keys)
        )

    def backbone(self):
        return load_backbone("musicnn")


@pytest.fixture(scope="module")
def real_space():
    keys = list(Real.patches_of)
    sound = summarize_tracks(Real().features(keys), keys)
    return FeatureSpace.fit(sound), sound


def training_set_on(features, targets, fold):
    return TrainingSet(features, knn_graph(features), np.arange(len(targets)), targets, np.array([0]), fold)


LOUD = make_targets(np.where(np.arange(40) % 2, 1, -1))


@pytest.mark.weights
@pytest.mark.parametrize("fine_tune", ["top", "all"])
def test_what_is_to_be_trained_is_trained_and_reads_patches_by_itself(fine_tune, real_space):
    space, sound = real_space
    keys = list(Real.patches_of)
    training_set = training_set_on(space.transform(sound), LOUD, np.arange(40) // 2 % 2)
    settings = NetSettings(fine_tune, hidden=16, head=Schedule(1e-2, 0), deep=Schedule(3e-3, 8, 1, 4, crops=1), batch=8)
    states, one = train_net(training_set, keys, Real(), space, settings, seed=0)
    net = Real().backbone().net
    before = {f"pooled.{name}": array.numpy() for name, array in Pooled(net, fine_tune).state_dict().items()}
    after = states[0]
    assert before.keys() == {name for name in after if name.startswith("pooled.")}
    assert all(np.isfinite(array).all() for array in after.values())
    convolutions = {name for name in before if name.endswith("conv.weight")}
    assert len(convolutions) == (3 if fine_tune == "top" else 8)
    assert all(not np.array_equal(before[name], after[name]) for name in convolutions)
    nets = NetEnsemble(states[:1], settings, Real().backbone())
    held_out = [nets.predict_patches(Real.patches_of[keys[row]])[0] for row in np.flatnonzero(training_set.fold == 0)]
    np.testing.assert_allclose(held_out, one[training_set.fold == 0, 0], atol=0.02)  # there in 16 bits
    _, again = train_net(training_set, keys, Real(), space, settings, seed=0)
    np.testing.assert_array_equal(one, again)


@pytest.mark.weights
def test_more_layers_stand_on_convolutions_too(real_space):
    space, sound = real_space
    keys, none = list(Real.patches_of), Schedule(1e-3, 0)
    training_set = training_set_on(space.transform(sound), LOUD, np.arange(40) // 2 % 2)
    settings = NetSettings("top", hidden=16, head=none, deep=none, layers=3)
    states, held_out = train_net(training_set, keys, Real(), space, settings, seed=0)
    assert sum(name.startswith("head.") and name.endswith("weight") for name in states[0]) == 4
    predicted = NetEnsemble(states[:1], settings, Real().backbone()).predict_patches(Real.patches_of["key0"])
    np.testing.assert_allclose(predicted[0], held_out[0, 0], atol=0.02)  # there in 16 bits


class Pulses(Real):
    """Maps of a front end that answers to pulses: in some tracks two follow each other closely, in others they do not.

    What is pooled over time alone is the same for both; whether they do, a convolution over time can learn.
    """

    close = np.arange(120) % 2 == 0

    def patches(self, keys):
        for key in keys:
            i = int(key.removeprefix("key"))
            rng = np.random.default_rng(i)
            patches = np.zeros((3, 187, 96), np.float16)
            for window in patches:
                for at in rng.choice(np.arange(4, 170, 12), 8, replace=False):
                    window[[at, at + (2 if self.close[i] else 6)]] = 4
            yield key, patches

    def features(self, keys):
        return ((key, np.float16(p.mean(axis=1)[:, :4] + 1)) for key, p in self.patches(keys))


@pytest.mark.weights
def test_convolutions_learn_what_frozen_features_cannot_tell():
    keys = [f"key{i}" for i in range(120)]
    targets = make_targets(np.where(Pulses.close, 1, -1))
    sound = summarize_tracks(Pulses().features(keys), keys)
    space = FeatureSpace.fit(sound)
    training_set = training_set_on(space.transform(sound), targets, np.arange(120) // 2 % 2)
    frozen = Schedule(1e-3, 0)
    settings = NetSettings(
        "top", hidden=16, dropout=0.0, input_dropout=0.0, head=frozen, deep=Schedule(3e-3, 60, 5, crops=1)
    )
    held_out = {
        name: train_net(training_set, keys, Pulses(), space, kind, seed=0)[1][:, 0]
        for name, kind in {
            "head": NetSettings("head", hidden=16, head=Schedule(1e-2, 100)),
            "top": settings,
        }.items()
    }
    assert correlation(held_out["head"], targets.preference[:, 0]) < 0.3
    assert correlation(held_out["top"], targets.preference[:, 0]) > 0.7


@pytest.mark.parametrize("layers", [1, 2])
def test_a_net_of_its_own_is_trained_from_nothing_where_there_is_enough(layers):
    keys = list(Real.patches_of)
    rows = {key: np.float16(patches.mean(axis=1)) for key, patches in Real.patches_of.items()}
    space = FeatureSpace.fit(summarize_tracks(rows.items(), keys))
    training_set = training_set_on(np.zeros((40, 1), np.float32), LOUD, np.arange(40) // 2 % 2)
    settings = NetSettings.of("spotify", "mse", 64, layers)
    assert train_net(training_set, keys, Real(), space, settings, seed=0) is None
    settings = replace(settings, min_tracks=40, batch=8, validation=0.3, deep=Schedule(5e-3, 20, 5, 10, crops=1))
    states, trained = train_net(training_set, keys, Real(), space, settings, seed=0)
    assert correlation(trained[:, 0], LOUD.preference[:, 0]) > 0.5
    nets = NetEnsemble(states[:1], settings)
    held_out = [nets.predict_patches(Real.patches_of[keys[row]])[0] for row in (0, 1, 4)]
    np.testing.assert_allclose(held_out, trained[[0, 1, 4], 0], atol=1e-3)


@pytest.mark.weights
def test_tracks_without_room_or_audio_are_left_to_the_kernel_machine(real_space):
    space, sound = real_space
    features = space.transform(sound)
    training_set = training_set_on(features, make_targets(features[:, 0]), np.arange(40) % 2)
    none = Schedule(1e-3, 0)
    settings = NetSettings("all", cache_size=1, hidden=4, head=none, deep=none)
    assert train_net(training_set, list(Real.patches_of), Real(), space, settings, seed=0) is None  # room for 29
    silent = type(
        "Silent", (Real,), {"patches": lambda self, keys: Real.patches(self, [k for k in keys if k != "key3"])}
    )
    _, held_out = train_net(training_set, list(Real.patches_of), silent(), space, replace(settings, cache_size=2), 0)
    assert np.flatnonzero(np.isnan(held_out[:, 0])).tolist() == [3]
    by_kernel = np.zeros((40, 1), np.float32)
    shares, together = fit_stack(by_kernel, held_out, training_set)
    assert np.isfinite(shares).all()
    assert together[3, 0] == apply_stack(shares, by_kernel, held_out)[3, 0] == 0


def test_factors_go_by_their_angle_and_not_by_their_length():
    rng = np.random.default_rng(0)
    direction = unit(rng.normal(0, 1, (300, 4)))
    targets = Targets(np.zeros((300, 1), np.float32), np.ones((300, 1), bool), direction)
    near = np.float32(direction + rng.normal(0, 0.3, (300, 4)))
    far = np.float32(direction + rng.normal(0, 0.9, (300, 4)))
    nothing = np.zeros((300, 1), np.float32)
    groups, fold = np.array([0, 1, 1, 1, 1]), np.arange(300) % 5
    longer = np.hstack([nothing, far * 0.1])  # too short by far, so that any other length would lessen its error
    same = np.hstack([nothing, far])
    assert stacked(longer, same, targets, groups, fold)[0][1].tolist() == [0] * 5
    assert stacked(same, np.hstack([nothing, near]), targets, groups, fold)[0][1, 1] > 0.5


@pytest.mark.parametrize(("fine_tune", "usual"), [("none", 1), ("head", 1), ("top", 1), ("all", 1), ("spotify", 2)])
def test_every_net_has_its_usual_number_of_layers(fine_tune, usual):
    settings = NetSettings.of(fine_tune, "mse", 512)
    assert settings.layers == usual
    assert settings == NetSettings.of(fine_tune, "mse", 512, layers=usual)
    assert (NetSettings.of(fine_tune, "mse", 512, layers=4) != settings) == (fine_tune != "none")


def test_another_number_of_layers_is_another_model():
    library = make_library(60)
    of = [replace(QUICK, net=NetSettings.of("head", "mse", 512, layers)) for layers in (None, 1, 2)]
    ids = [make_model_id(library.tracks, [library.listener], NET, settings) for settings in of]
    conditions = [TrainingSnapshot.of(library.tracks, [library.listener], NET, settings).conditions for settings in of]
    assert ids[0] == ids[1] != ids[2]
    assert conditions[0] == conditions[1] != conditions[2]
