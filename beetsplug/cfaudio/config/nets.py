"""Which net hears, and what is trained of it: the keys of the configuration that depend on one another.

Every `beet` command loads this module, so it imports nothing that takes time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from beets.exceptions import UserError

if TYPE_CHECKING:
    import confuse

BACKBONES = ("musicnn", "musicnn_mtt", "vgg")
FINE_TUNE = ("none", "head", "top", "all")
LOSSES = ("mse", "contrastive")


def read_backbone(config: confuse.ConfigView) -> str | tuple[str, ...]:
    """The net that hears, or a tuple of several; a file's name is absolute."""
    value = config["backbone"].get()
    if value == "spotify":  # until it has been trained, and beside it
        return "musicnn"
    listed = value if isinstance(value, list) else [value]
    nets = []
    for i, name in enumerate(listed):
        if isinstance(name, str) and name.lower().endswith(".onnx"):
            view = config["backbone"][i] if isinstance(value, list) else config["backbone"]
            nets.append(view.as_filename())
        elif name in BACKBONES:
            nets.append(name)
        else:
            known = ", ".join(BACKBONES)
            raise UserError(
                f"cfaudio.backbone: must be one of {known}, a file *.onnx or a list of them, or spotify, not {name!r}"
            )
    if not nets or len(set(nets)) < len(nets):
        raise UserError(f"cfaudio.backbone: must name nets, each of them once, not {value!r}")
    return nets[0] if len(nets) == 1 else tuple(nets)


def read_fine_tune(config: confuse.ConfigView) -> str:
    """What is trained of the net, or `spotify` for a net that begins from nothing."""
    chosen: str = config["fine_tune"].as_choice(FINE_TUNE)
    if config["backbone"].get() == "spotify":
        if chosen != "all":
            raise UserError("cfaudio.fine_tune: the backbone spotify begins from nothing, so that all of it is trained")
        return "spotify"
    if chosen in {"top", "all"} and read_backbone(config) not in {"musicnn", "musicnn_mtt"}:
        raise UserError(f"cfaudio.fine_tune: {chosen} is for musicnn or musicnn_mtt; others take none or head")
    return chosen


def read_loss(config: confuse.ConfigView) -> str:
    """Read the loss that a net is trained with."""
    chosen: str = config["loss"].as_choice(LOSSES)
    return chosen
