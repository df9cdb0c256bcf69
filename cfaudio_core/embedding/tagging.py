"""Words for how a track sounds, from what is stored of it."""

from __future__ import annotations

from collections.abc import Iterable

from cfaudio_core.embedding.feature_store import FeatureStore
from cfaudio_core.embedding.worker import Ear
from cfaudio_core.nets.backbone import BACKBONES, backbone_id
from cfaudio_core.nets.tagger import load_tagger, top_tags

MOST = 3
"""Tags a track."""

LEAST = 0.1
"""How likely a tag is at least, in the mean of a track's windows."""


def tag_sounds(store: FeatureStore, ear: Ear, keys: Iterable[str]) -> dict[str, str]:
    """The likeliest tags of tracks, likeliest first.

    Parameters
    ----------
    store
        Where their features are.
    ear
        The net they were heard with.
    keys
        Their content keys.

    Returns
    -------
    dict
        Content key to tags with commas between them; "" where none is likely. Empty for a net that knows no tags.
    """
    wanted = sorted(set(keys))
    if not wanted or ear.backbone not in BACKBONES:
        return {}
    tagger = load_tagger(ear.backbone, wheel=ear.wheel)
    heard = store.read(backbone_id(ear.backbone), wanted)
    return {
        key: ", ".join(top_tags(tagger.names, tagger.probabilities(windows), most=MOST, least=LEAST))
        for key, windows in heard
        if windows.shape[1] >= tagger.width
    }
