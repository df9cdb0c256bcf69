"""What can go wrong, one line each for the user.

::

    CfAudioError            anything cfaudio says no to; the plugin shows it as beets' UserError
    ├── AudioError          one file cannot be heard: skipped, named, counted
    │   └── UndecodableError    one decoder cannot read it; another may (audio.source)
    ├── SourceError         a listening history cannot be read (listening.sources)
    │   └── ServiceError        a server does not do what it was asked: to tell, or to take a playlist (services)
    ├── WeightsError        the pretrained weights cannot be had or are damaged
    │   └── CheckpointError     the file they come in is damaged (nets.checkpoint)
    ├── StoreError          cfaudio's own store or model files cannot be read or written
    └── SettingError        a setting or an option has a value that makes no sense
"""

from __future__ import annotations


class CfAudioError(Exception):
    """Base of all errors that are meant for the user's eyes; the message is one line."""


class AudioError(CfAudioError):
    """One file cannot be heard; the message says why and leaves the naming of the file to the caller."""


class SourceError(CfAudioError):
    """A listening history cannot be read; the message is one line: the file or service, the place in it, and why."""

    def __init__(self, message: str):
        # Names of files and texts out of them may hold anything, line breaks included.
        printable = "".join(letter if letter.isprintable() else " " for letter in message)
        super().__init__(" ".join(printable.split()))


class ServiceError(SourceError):
    """A server cannot be reached, or does not do what it was asked; no secret is in the message."""


class WeightsError(CfAudioError):
    """The pretrained weights cannot be had, or are not what they should be."""


class StoreError(CfAudioError):
    """cfaudio's own store or model files cannot be read or written."""


class SettingError(CfAudioError):
    """A setting or an option has a value that makes no sense; the message names the key."""
