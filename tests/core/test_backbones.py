"""The nets against the published TensorFlow graphs, and the pruned nets against the whole ones."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from cfaudio_core.backbones import layers, musicnn, pruning, published, registry
from cfaudio_core.backbones.activations import Activations
from cfaudio_core.backbones.musicnn_numpy import NumpyMusicnn
from cfaudio_core.backbones.registry import BACKBONES, backbone_id, concatenate, load_backbone, load_extractor
from cfaudio_core.backbones.weights import MODELS, load_weights
from cfaudio_core.errors import SettingError

with np.load(Path(__file__).parents[1] / "golden" / "musicnn.npz", allow_pickle=False) as file:
    GOLDEN = dict(file)
PATCHES = torch.from_numpy(GOLDEN["patches"])
RANDOM = torch.from_numpy(np.random.default_rng(1).uniform(0, 5, (2, 187, 96)).astype(np.float32))

# Parameters of the whole net (the pooled features' batch normalisation is folded away) and of the pruned one.
PARAMETERS = {
    "MSD_musicnn": (784_145, 214_342),
    "MTT_musicnn": (784_145, 518_127),
}

every_model = pytest.mark.parametrize("model", MODELS)


@cache
def nets(model):
    """Build the whole net and the pruned one."""
    return both(load_weights(model)[0])


def both(variables):
    state = published.musicnn_state(variables)
    return musicnn.from_state(state), musicnn.from_state(pruning.prune_musicnn(state))


def run(net, patches):
    with torch.inference_mode():
        return [part.numpy() for part in net(patches)]


def count(net):
    return sum(parameter.numel() for parameter in net.parameters())


def test_golden_values_differ_between_windows():
    for model in MODELS:
        tags = GOLDEN[f"{model}/tags"]
        assert min(np.abs(a - b).max() for i, a in enumerate(tags) for b in tags[:i]) > 0.01


@pytest.mark.weights
@every_model
@pytest.mark.parametrize("which", [0, 1], ids=["whole", "pruned"])
def test_tags_equal_the_original(model, which):
    _, _, tags = run(nets(model)[which], PATCHES)
    np.testing.assert_allclose(tags, GOLDEN[f"{model}/tags"], rtol=0, atol=5e-6)


@pytest.mark.weights
@every_model
@pytest.mark.parametrize("which", [0, 1], ids=["whole", "pruned"])
def test_penultimate_equals_the_original(model, which):
    _, penultimate, _ = run(nets(model)[which], PATCHES)
    np.testing.assert_allclose(penultimate, GOLDEN[f"{model}/penultimate"], rtol=0, atol=5e-5)


@pytest.mark.weights
@every_model
def test_pooled_equals_the_original(model):
    pooled, _, _ = run(nets(model)[0], PATCHES)
    original = [GOLDEN[f"{model}/{kind}_pool"].reshape(4, -1) for kind in ("max", "mean")]
    original = np.concatenate(original, axis=1)
    np.testing.assert_allclose(pooled, original, rtol=1e-5, atol=5e-4)  # up to 90


@pytest.mark.weights
@every_model
def test_pruning_changes_nothing_but_the_size(model):
    whole, pruned = nets(model)
    assert (count(whole), count(pruned)) == PARAMETERS[model]
    for patches in (PATCHES, RANDOM, RANDOM[:1, :128]):
        pooled, penultimate, tags = run(whole, patches)
        few_pooled, same_penultimate, same_tags = run(pruned, patches)
        np.testing.assert_allclose(same_tags, tags, rtol=0, atol=2e-6)
        np.testing.assert_allclose(same_penultimate, penultimate, rtol=0, atol=3e-5)
        kept = live_columns(pooled, few_pooled)
        constant = np.ptp(np.delete(pooled, kept, axis=1), axis=0)
        assert constant.size == pooled.shape[1] - few_pooled.shape[1]
        assert constant.max(initial=0) < 1e-3, "a column that is not constant was removed"


def live_columns(pooled, few):
    """Find, in order, the columns that were kept."""
    kept, column = [], 0
    for wanted in few.T:
        while not np.allclose(pooled[:, column], wanted, rtol=1e-5, atol=1e-3):
            column += 1
        kept.append(column)
        column += 1
    return kept


@pytest.mark.weights
def test_pooled_of_pruned_musicnn_is_live_filters_and_midend():
    pooled, _, _ = run(nets("MSD_musicnn")[1], PATCHES)
    assert pooled.shape == (4, 2 * (23 + 14 + 3 + 7 + 17 + 192))
    maxima, means = np.split(pooled, 2, axis=1)
    assert (maxima >= means - 1e-3).all()


def small_variables(rng, kernels, norms, dead):
    """Make random variables whose listed convolutions have dead filters, with scales of both signs."""
    variables = {}
    for name, shape in kernels.items():
        kernel = rng.normal(0, 1 / np.sqrt(np.prod(shape[:-1])), shape)
        if name in dead:
            kernel[..., dead[name]] = 0
        variables[f"{name}/kernel"] = kernel
        variables[f"{name}/bias"] = rng.normal(0.3, 0.5, shape[-1])
    for name, width in norms.items():
        variables[f"{name}/gamma"] = rng.normal(0, 1, width)
        variables[f"{name}/beta"] = rng.normal(0, 1, width)
        variables[f"{name}/moving_mean"] = rng.normal(0, 1, width)
        variables[f"{name}/moving_variance"] = rng.uniform(0.2, 2, width)
    return {name: array.astype(np.float32) for name, array in variables.items()}


def random_musicnn(seed):
    """Make a small net of the same shape, some of whose filters are dead, and the pruned one."""
    rng = np.random.default_rng(seed)
    sizes = [(7, 38), (7, 67), (128, 1), (64, 1), (32, 1)]
    kernels = {f"conv2d_{i}" if i else "conv2d": (*size, 1, 6) for i, size in enumerate(sizes)}
    kernels |= {"conv2d_5": (7, 30, 1, 4), "conv2d_6": (7, 4, 1, 4), "conv2d_7": (7, 4, 1, 4)}
    kernels |= {"dense": (84, 9), "dense_1": (9, 50)}
    widths = [1, 6, 6, 6, 6, 6, 4, 4, 4, 84, 9]
    norms = {f"batch_normalization_{i}" if i else "batch_normalization": n for i, n in enumerate(widths)}
    dead = {"conv2d": [0, 3], "conv2d_2": [1, 2, 3, 4, 5], "conv2d_4": [5]}
    return both(small_variables(rng, kernels, norms, dead))


@pytest.mark.parametrize("seed", range(5))
def test_pruning_of_a_random_musicnn(seed):
    whole, pruned = random_musicnn(seed)
    assert [b.conv.out_channels for b in pruned.frontend.branches] == [4, 6, 1, 6, 5]
    pooled, *expected = run(whole, RANDOM)
    few, *got = run(pruned, RANDOM)
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)
    live = np.r_[1, 2, 4:12, 12, 18:24, 24:29, 30:42]
    np.testing.assert_allclose(few, pooled[:, np.r_[live, 42 + live]], rtol=1e-4, atol=1e-4)


def test_front_end_pools_after_rectifying_and_scaling():
    rng = np.random.default_rng(7)
    variables = small_variables(rng, {"c": (7, 38, 1, 8)}, {"n": 8}, {})
    weight, norm = published.conv2d_weight(variables["c/kernel"]), published.batch_norm(variables, "n")
    block = layers.conv_block(published.block_state("c", weight, variables["c/bias"], norm), "c", channels=1)
    assert (block.norm.scale < 0).any() and (block.norm.scale > 0).any()
    front = musicnn.Frontend([block], (torch.ones(1), torch.zeros(1)))
    with torch.inference_mode():
        literal = block(torch.nn.functional.pad(RANDOM[:, None], (0, 0, 3, 3))).amax(dim=3)
        torch.testing.assert_close(front(RANDOM), literal, rtol=0, atol=1e-5)


def as_matrices(net):
    return NumpyMusicnn({name: value.numpy() for name, value in net.state_dict().items()})


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("prune", [False, True])
def test_matrices_compute_what_a_random_musicnn_does(seed, prune):
    net = random_musicnn(seed)[prune]
    scales = torch.cat([branch.norm.scale for branch in net.frontend.branches])
    assert (scales < 0).any() and (scales > 0).any()
    for expected, got in zip(run(net, RANDOM), as_matrices(net).activations(RANDOM.numpy()), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.weights
@every_model
def test_matrices_equal_the_original(model):
    matrices = as_matrices(nets(model)[1])
    pooled, penultimate, tags = matrices.activations(GOLDEN["patches"])
    np.testing.assert_allclose(tags, GOLDEN[f"{model}/tags"], rtol=0, atol=5e-6)
    np.testing.assert_allclose(penultimate, GOLDEN[f"{model}/penultimate"], rtol=0, atol=5e-5)
    np.testing.assert_allclose(pooled, run(nets(model)[1], PATCHES)[0], rtol=1e-5, atol=5e-4)  # up to 90


@pytest.mark.weights
@pytest.mark.parametrize("damage", [None, b"", b"no tensors"])
def test_a_pruned_net_is_kept_and_made_again_when_it_is_damaged(tmp_path, monkeypatch, damage):
    first = load_extractor("musicnn", cache=tmp_path)
    [file] = tmp_path.iterdir()
    whole = file.read_bytes()
    if damage is None:
        monkeypatch.setattr(registry, "load_weights", lambda *_, **__: pytest.fail("made again"))
    else:
        file.write_bytes(damage)
    again = load_extractor("musicnn", cache=tmp_path)
    assert file.stat().st_size == len(whole)  # in any order of the tensors
    for a, b in zip(first(RANDOM.numpy()), again(RANDOM.numpy()), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.weights
def test_an_extractor_needs_no_place_to_be_kept_in(tmp_path):
    (tmp_path / "file").touch()
    extractor = load_extractor("musicnn", cache=tmp_path / "file")
    assert extractor(RANDOM.numpy()).pooled.shape == (2, 512)


@pytest.mark.weights
@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize("load", [load_backbone, load_extractor])
def test_a_backbone_takes_and_gives_arrays(load, name):
    loaded = load(name)
    net = loaded.activations if load is load_backbone else loaded
    rng = np.random.default_rng(3)
    patches = rng.uniform(0, 5, (9, 187, 96)).astype(np.float32)
    activations = net(patches)
    assert all(part.dtype == np.float32 and len(part) == 9 for part in activations)
    assert activations.tags.shape[1] == 50
    alone = net(patches[8:])
    none = net(patches[:0])
    for batched, single, empty in zip(activations, alone, none, strict=True):
        np.testing.assert_allclose(batched[8:], single, rtol=1e-4, atol=1e-4)
        assert empty.shape == (0, batched.shape[1])
    for wrong in (patches[0], patches[:, :186], patches.transpose(0, 2, 1)):
        with pytest.raises(ValueError, match="187, 96"):
            net(wrong)


@pytest.mark.weights
@pytest.mark.parametrize("name", BACKBONES)
def test_a_backbone_has_its_id_and_tags(name):
    net = load_backbone(name)
    assert len(net.tags) == 50
    assert net.id.startswith(BACKBONES[name])


def test_an_unknown_backbone_is_refused():
    with pytest.raises(SettingError, match="backbone: 'resnet'"):
        load_backbone("resnet")


def constant(value, width):
    """A net with so many activations, the same for every window."""

    def net(patches):
        pooled = np.full((len(patches), width), value, np.float32)
        return Activations(pooled, pooled + 1, pooled[:, :0])

    return net


def test_activations_of_several_nets_are_put_side_by_side():
    pooled, penultimate, tags = concatenate([constant(1, 2), constant(5, 3)])(np.zeros((4, 187, 96), np.float32))
    assert pooled.tolist() == [[1, 1, 5, 5, 5]] * 4
    assert penultimate.tolist() == [[2, 2, 6, 6, 6]] * 4
    assert tags.shape == (4, 0)


@pytest.mark.weights
def test_named_nets_are_put_side_by_side_in_the_order_named():
    patches = PATCHES.numpy()
    apart = [load_extractor(name)(patches).pooled for name in ("musicnn_mtt", "musicnn")]
    np.testing.assert_array_equal(load_extractor(("musicnn_mtt", "musicnn"))(patches).pooled, np.hstack(apart))


def test_features_of_several_nets_are_kept_under_all_their_ids():
    alone = [backbone_id(name) for name in ("musicnn", "musicnn_mtt")]
    assert backbone_id(("musicnn", "musicnn_mtt")) == "+".join(alone)
    assert backbone_id(("musicnn_mtt", "musicnn")) == "+".join(alone[::-1])  # the columns are in another order
    assert backbone_id(("musicnn",)) == backbone_id("musicnn")


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        ((), "backbone: names no net"),
        (("musicnn", "resnet"), "backbone: 'resnet'"),
        (("musicnn", "musicnn_mtt", "musicnn"), "backbone: musicnn is there twice"),
    ],
)
@pytest.mark.parametrize("use", [backbone_id, load_extractor, registry.prepare_extractor])
def test_nets_that_make_no_sense_together_are_refused(use, names, complaint):
    with pytest.raises(SettingError, match=complaint):
        use(names)
