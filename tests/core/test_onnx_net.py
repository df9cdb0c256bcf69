"""Nets of one's own: the input and output an ONNX file must have, and one line for everything else."""

import threading

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from cfaudio_core.backbones.onnx_net import OnnxNet
from cfaudio_core.backbones.registry import backbone_id, load_extractor, prepare_extractor
from cfaudio_core.errors import SettingError, WeightsError

PATCHES = np.random.default_rng(0).uniform(0, 3, (11, 187, 96)).astype(np.float32)


def write(file, shape=("n", 187, 96), kind=TensorProto.FLOAT, axes=(1,), keep=0, inputs=1):
    """A net whose output is the mean over `axes` of its input."""
    given = [helper.make_tensor_value_info(f"mel{i}", kind, shape) for i in range(inputs)]
    axes = helper.make_tensor("axes", TensorProto.INT64, [len(axes)], axes)
    nodes = [helper.make_node("ReduceMean", ["mel0", "axes"], ["output"], keepdims=keep)]
    nodes += [helper.make_node("Identity", [f"mel{i}"], [f"same{i}"]) for i in range(1, inputs)]
    outputs = [helper.make_empty_tensor_value_info("output")]
    outputs += [helper.make_tensor_value_info(f"same{i}", kind, shape) for i in range(1, inputs)]
    graph = helper.make_graph(nodes, "mean", given, outputs, [axes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, file)
    return str(file)


@pytest.mark.parametrize("n", ["n", 4, None])
def test_a_net_in_a_file_is_run_whatever_its_batch(tmp_path, n):
    net = load_extractor(write(tmp_path / "mine.onnx", (n, 187, 96)))
    activations = net(PATCHES)
    np.testing.assert_allclose(activations.pooled, PATCHES.mean(axis=1), atol=1e-5)
    assert net(PATCHES[:1]).pooled.shape == (1, 96)
    assert len(activations.tags) == 11


def test_it_stands_beside_another(tmp_path):
    one, other = (write(tmp_path / name, axes=axes) for name, axes in (("a.onnx", (1,)), ("b.onnx", (2,))))
    pooled = load_extractor((one, other))(PATCHES).pooled
    np.testing.assert_allclose(pooled, np.hstack([PATCHES.mean(axis=1), PATCHES.mean(axis=2)]), atol=1e-5)


def test_its_features_are_kept_under_what_is_in_the_file_and_not_under_its_name(tmp_path):
    one, same, other = (write(tmp_path / f"{i}.onnx", axes=(1 + (i == 2),)) for i in range(3))
    assert backbone_id(one) == backbone_id(same) != backbone_id(other)
    with pytest.raises(SettingError, match="there twice"):
        backbone_id((one, same))


@pytest.mark.parametrize(
    ("made", "complaint"),
    [
        ({"shape": ("n", 96, 187)}, "must take one input"),
        ({"shape": ("n", 1, 187, 96)}, "must take one input"),
        ({"kind": TensorProto.DOUBLE}, "must take one input"),
        ({"inputs": 2}, "must take one input"),
        ({"keep": 1}, "must give float32"),
        ({"axes": (0,)}, "must give float32"),
    ],
)
def test_a_net_that_takes_or_gives_something_else_is_refused(tmp_path, made, complaint):
    with pytest.raises(WeightsError, match=rf"mine.onnx: {complaint}"):
        prepare_extractor(write(tmp_path / "mine.onnx", **made))


@pytest.mark.parametrize("content", [b"", b"\x80\x04cos\nsystem\n", b"PK\x03\x04" + bytes(100)])
def test_a_file_that_is_no_net_is_refused(tmp_path, content):
    (tmp_path / "mine.onnx").write_bytes(content)
    with pytest.raises(WeightsError, match=r"mine.onnx: not an ONNX model") as error:
        OnnxNet(str(tmp_path / "mine.onnx"))
    assert "\n" not in str(error.value)


def write_loop(file):
    """A net that counts to 2 to the power of 62, and gives its input's mean then."""
    constants = [helper.make_tensor("times", TensorProto.INT64, [], [1 << 62])]
    constants += [helper.make_tensor("yes", TensorProto.BOOL, [], [True])]
    constants += [helper.make_tensor("axes", TensorProto.INT64, [1], [1])]
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Add", ["sum", "sum"], ["sums"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("sum", TensorProto.FLOAT, ["n", 96]),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("sums", TensorProto.FLOAT, ["n", 96]),
        ],
    )
    nodes = [
        helper.make_node("ReduceMean", ["mel", "axes"], ["mean"], keepdims=0),
        helper.make_node("Loop", ["times", "yes", "mean"], ["output"], body=body),
    ]
    given = [helper.make_tensor_value_info("mel", TensorProto.FLOAT, ("n", 187, 96))]
    graph = helper.make_graph(nodes, "loop", given, [helper.make_empty_tensor_value_info("output")], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), file)
    return str(file)


def test_a_net_that_loops_for_ever_is_refused_and_ended(tmp_path, monkeypatch):
    monkeypatch.setattr("cfaudio_core.backbones.onnx_net._MAX_RUN_S", 0.5)
    before = set(threading.enumerate())
    with pytest.raises(WeightsError, match=r"loop.onnx: does not end"):
        OnnxNet(write_loop(tmp_path / "loop.onnx"))
    for thread in set(threading.enumerate()) - before:
        thread.join(30)
        assert not thread.is_alive(), "it still computes"


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SettingError, match=r"backbone: .*mine.onnx: No such file"):
        backbone_id(str(tmp_path / "mine.onnx"))


@pytest.mark.parametrize("place", ["weights.bin", "../weights.bin", "/etc/passwd", "*/_ORT_MEM_ADDR_/*"])
@pytest.mark.parametrize("padded", [False, True])
def test_weights_outside_of_the_file_are_not_read(tmp_path, monkeypatch, place, padded):
    file = tmp_path / "here" / "mine.onnx"
    file.parent.mkdir()
    for folder in (tmp_path, file.parent):
        (folder / "weights.bin").write_bytes(np.int64(1).tobytes())
    write(file)
    model = onnx.load(file)
    tensor = model.graph.initializer[0]
    tensor.ClearField("int64_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=place)
    content = model.SerializeToString()
    if padded:  # the same length of the key in more bytes than it takes; of what it lies in, lengths are not mended
        content = content.replace(b"\x08location", b"\x88\x80\x00location")
    file.write_bytes(content)
    monkeypatch.chdir(file.parent)
    with pytest.raises(WeightsError, match=r"mine\.onnx: has weights outside of the file"):
        OnnxNet(str(file))
