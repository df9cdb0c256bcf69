"""Writes musicnn.npz: what the published nets say about `synth.piece`, computed by their own TensorFlow code.

Run by hand, in an environment of its own; TensorFlow is no dependency of this project:

    pip install tensorflow-cpu tf_keras "librosa>=0.11"
    pip download --no-deps musicnn==0.1.0
    python tests/golden/make_musicnn_golden.py musicnn-0.1.0-py3-none-any.whl

The log-mel patches are stored beside the outputs, so that the test does not hang on a version of librosa.
They are float32 throughout: the wheel's own extractor rounds to float16, which overflows under numpy 2.
"""

from __future__ import annotations

import os
import sys
import tempfile
import zipfile
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"  # the published graph uses tf.compat.v1.layers

import librosa
import numpy as np
import tensorflow as tf
from synth import FRAMES, HOP, RATE, WINDOWS, piece

BANDS = 96


def log_mel_patches() -> np.ndarray:
    """Compute the patches of the piece, (4, 187, 96) float32, as the nets were trained on."""
    mel = librosa.feature.melspectrogram(y=piece(), sr=RATE, n_fft=512, hop_length=HOP, n_mels=BANDS)
    frames = np.log10(1 + 10000 * mel.T.astype(np.float32)).astype(np.float32)
    return frames[: WINDOWS * FRAMES].reshape(WINDOWS, FRAMES, BANDS)


def run_published(model: str, patches: np.ndarray, folder: Path) -> dict[str, np.ndarray]:
    """Run one published graph with its published weights."""
    from musicnn import models

    tf.compat.v1.reset_default_graph()
    with tf.name_scope("model"):
        x = tf.compat.v1.placeholder(tf.float32, [None, FRAMES, BANDS])
        logits, *layers = models.define_model(x, False, model, 50)
        tags = tf.nn.sigmoid(logits)
    fetches = dict(zip(("mean_pool", "max_pool", "penultimate"), layers[-3:], strict=True), tags=tags)
    with tf.compat.v1.Session() as session:
        tf.compat.v1.train.Saver().restore(session, f"{folder}/musicnn/{model}/")
        return session.run(fetches, feed_dict={x: patches})


def main(wheel: str) -> None:
    tf.compat.v1.disable_eager_execution()
    patches = log_mel_patches()
    golden = {"patches": patches}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
        sys.path.insert(0, name)
        for model in ("MSD_musicnn", "MTT_musicnn"):
            for layer, values in run_published(model, patches, folder).items():
                golden[f"{model}/{layer}"] = values
    np.savez_compressed(Path(__file__).with_name("musicnn.npz"), **golden)


if __name__ == "__main__":
    main(sys.argv[1])
