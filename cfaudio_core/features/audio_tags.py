"""Audio tags of tracks, from their stored activations."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from cfaudio_core.backbones.registry import BACKBONES, backbone_id
from cfaudio_core.backbones.tagger import load_tagger, top_tags
from cfaudio_core.features.feature_store import FeatureStore
from cfaudio_core.features.jobs import ExtractorConfig
from cfaudio_core.util.threads import one_thread

MAX_TAGS = 3
MIN_PROBABILITY = 0.1  # in the mean of a track's windows
_BATCH_TRACKS = 32  # more at once do not stay in the cache


@one_thread
def tag_tracks(store: FeatureStore, config: ExtractorConfig, keys: Iterable[str]) -> dict[str, str]:
    """Predict the likeliest tags of tracks, likeliest first.

    Returns
    -------
    dict
        Content key to tags with commas between them; "" where none is likely. Empty for a net without tags.
    """
    distinct = list(dict.fromkeys(keys))  # in the library's order, which is about that of the store
    if not distinct or config.backbone not in BACKBONES:
        return {}
    tagger = load_tagger(config.backbone, wheel=config.wheel)
    stored = store.read(backbone_id(config.backbone), distinct)
    tags: dict[str, str] = {}
    while some := list(itertools.islice(stored, _BATCH_TRACKS)):  # one by one, they would take twice the time
        some = [(key, windows) for key, windows in some if windows.shape[1] >= tagger.width]
        probabilities = tagger.probabilities_of([windows for _, windows in some])
        for (key, _), row in zip(some, probabilities, strict=True):
            tags[key] = ", ".join(top_tags(tagger.names, row, most=MAX_TAGS, least=MIN_PROBABILITY))
    return tags
