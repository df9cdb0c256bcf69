"""Words for how a track sounds, from what is stored of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from cfaudio_core.backbones.registry import BACKBONES, backbone_id
from cfaudio_core.backbones.tagger import load_tagger, top_tags
from cfaudio_core.features.feature_store import FeatureStore
from cfaudio_core.features.worker import ExtractorConfig
from cfaudio_core.util.threads import one_thread

MOST = 3
"""Tags a track."""

LEAST = 0.1
"""How likely a tag is at least, in the mean of a track's windows."""

_AT_ONCE = 32  # tracks; more at once do not stay in the cache


@one_thread
def tag_tracks(store: FeatureStore, ear: ExtractorConfig, keys: Iterable[str]) -> dict[str, str]:
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
    wanted = list(dict.fromkeys(keys))  # in the library's order, which is about that of the store
    if not wanted or ear.backbone not in BACKBONES:
        return {}
    tagger = load_tagger(ear.backbone, wheel=ear.wheel)
    heard = store.read(backbone_id(ear.backbone), wanted)
    tags: dict[str, str] = {}
    while some := list(itertools.islice(heard, _AT_ONCE)):  # one by one, they would take twice the time
        some = [(key, windows) for key, windows in some if windows.shape[1] >= tagger.width]
        chances = tagger.probabilities_of([windows for _, windows in some])
        for (key, _), own in zip(some, chances, strict=True):
            tags[key] = ", ".join(top_tags(tagger.names, own, most=MOST, least=LEAST))
    return tags
