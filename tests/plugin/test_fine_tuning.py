"""Fine-tuning is on by default: torch trains on the library's own audio, and the embeddings come from what it made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from user_home import Home, bells, drums

from cfaudio_core.features.feature_store import FeatureStore
from cfaudio_core.models.hybrid_model import HybridModel
from cfaudio_core.models.model_files import load_model
from cfaudio_core.util.vector_codec import decode

pytestmark = pytest.mark.weights

BEET = "from beets.ui import main; main(sys.argv[1:])"


@pytest.fixture
def tuned(analysed: Home) -> Home:
    """The collection with twelve more tracks, so that there are enough to train on."""
    for k in range(6):
        for name, make in (("Bell Frieda", bells), ("Drum Karl", drums)):
            analysed.add(analysed.write(f"{name}/{k}.wav", make(100 + k)), artist=name, album=name)
    ran = analysed.embed("--retrain").fine
    assert any(line.startswith("Trained on ") for line in ran.lines)
    return analysed


def the_model(home: Home) -> HybridModel:
    (name,) = set(home.field("cf_model").values())
    return load_model(home.beetsdir / "cfaudio" / "models", name)


def audio_part(home: Home, model: HybridModel) -> dict[str, np.ndarray]:
    """What the model makes of the audio of each content key, on the way to its embedding."""
    keys = list(home.field("cf_key").values())
    with FeatureStore(home.beetsdir / "cfaudio" / "features.db") as store:
        features = model.feature_space.transform(store.summaries("MSD_musicnn-3", keys, covariance=False))
    return dict(zip(keys, model.embedding_axes.project_audio(features), strict=True))


def test_the_adapter_is_trained_and_embeddings_come_from_it(tuned: Home):
    model = the_model(tuned)
    adapter = model.feature_space.adapter
    assert np.abs(adapter.up).max() > 0, "it begins at zero"
    untrained = model.feature_space.with_adapter(adapter._replace(up=np.zeros_like(adapter.up)))
    trained, before = audio_part(tuned, model), audio_part(tuned, replace(model, feature_space=untrained))
    moved = [1 - np.corrcoef(trained[key], before[key])[0, 1] for key in trained]
    assert np.median(moved) > 0.01
    # Audio is most of an embedding: those that are near by what the adapter made are near in the library.
    keys = tuned.field("cf_key")
    vectors = {keys[i]: decode(text) for i, text in tuned.field("cf_embedding").items()}
    pairs = np.triu_indices(len(vectors), 1)
    alike, near = (
        (np.stack([of[key] for key in vectors]) @ np.stack([of[key] for key in vectors]).T)[pairs]
        for of in (trained, vectors)
    )
    assert np.corrcoef(alike, near)[0, 1] > 0.5


def test_librosa_describes_each_track(tuned: Home):
    tempo, energy = tuned.field("cf_tempo"), tuned.field("cf_energy")
    assert len(energy) == 52
    assert all(30 < float(beats) < 300 for beats in tempo.values())


def test_none_trains_no_net(analysed: Home):
    analysed.configure({"fine_tune": "none"})
    assert analysed.embed("--retrain").fine.lines
    assert the_model(analysed).feature_space.adapter.width == 0


def test_a_torch_that_cannot_be_loaded_is_one_line_and_features_stay_frozen(tuned: Home, tmp_path: Path):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise OSError('libtorch_cpu.so: wrong ELF class')")
    foreign = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {BEET}"
    ran = tuned.beet("cfembed", "--retrain", python=("-c", foreign)).fine
    (line,) = [line for line in ran.lines if "torch" in line]
    assert line.startswith("No fine-tuning: torch cannot be loaded, or ran out of memory; the net's features stay")
    assert the_model(tuned).feature_space.adapter.width == 0


def test_a_power_cut_while_it_trains_leaves_the_last_model_and_the_next_run_ends(tuned: Home):
    last = the_model(tuned).id
    module = "cfaudio_core.finetuning.adapter_training"
    cut = f"import {module} as training; training.train_adapter = lambda *_: os.kill(os.getpid(), 9)"
    assert tuned.beet("cfembed", "--retrain", python=("-c", f"import os, sys; {cut}; {BEET}")).code == -9
    assert the_model(tuned).id == last
    assert tuned.beet("cfrecommend", "-n", "3").fine.lines
    assert tuned.embed("--retrain").fine.lines
    assert the_model(tuned).feature_space.adapter.width


def test_a_net_that_there_is_no_memory_for_is_one_line_and_the_last_model_stays(analysed: Home, monkeypatch):
    before = analysed.field("cf_model")
    error = torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
    monkeypatch.setattr("cfaudio_core.finetuning.fine_tune.train_net", Mock(side_effect=error))
    analysed.configure({"fine_tune": "head"})
    complaint = analysed.beet_here("cfembed", "--retrain").complaint
    assert complaint == "error: cfaudio.fine_tune: head: there is too little memory to train the net"
    assert analysed.field("cf_model") == before
