"""The pretrained net, and the part of it that is trained: settings that depend on one another.

Every `beet` command loads this module, so it imports nothing that takes time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from beetsplug.cfaudio.config.checks import Section, shown

if TYPE_CHECKING:
    import confuse

BACKBONES = ("musicnn", "musicnn_mtt")
FINE_TUNE = ("auto", "none", "head", "top", "all")
LOSSES = ("mse", "contrastive")


def read_backbone(section: Section, config: confuse.ConfigView) -> str | tuple[str, ...]:
    """Check the net that analyses, or a tuple of several; a file's name is made absolute."""
    value = section["backbone"]
    if value == "spotify":  # until it has been trained, and beside it
        return "musicnn"
    nets = []
    for i, name in enumerate(value if isinstance(value, list) else [value]):
        if isinstance(name, str) and name.lower().endswith(".onnx"):
            view = config["backbone"][i] if isinstance(value, list) else config["backbone"]
            nets.append(view.as_filename())
        elif name in BACKBONES:
            nets.append(name)
        else:
            known = ", ".join(BACKBONES)
            raise section.error(
                "backbone", f"must be one of {known}, a file *.onnx or a list of them, or spotify, not {name!r}"
            )
    if not nets or len(set(nets)) < len(nets):
        raise section.error("backbone", f"must name nets, each of them once, not {shown(value)}")
    return nets[0] if len(nets) == 1 else tuple(nets)


def read_fine_tune(section: Section, backbone: str | tuple[str, ...]) -> str:
    """Check the part of the net to train; `spotify` stands for a net that starts untrained."""
    chosen = section.choice("fine_tune", FINE_TUNE)
    if section["backbone"] == "spotify":
        if chosen != "all":
            raise section.error("fine_tune", "the backbone spotify starts untrained, so it takes all")
        return "spotify"
    if chosen in {"top", "all"} and backbone not in {"musicnn", "musicnn_mtt"}:
        raise section.error("fine_tune", f"{chosen} is for musicnn or musicnn_mtt; others take none or head")
    return chosen
