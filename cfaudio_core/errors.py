"""Errors, one line each for the user.

::

    CfAudioError            any error of cfaudio; the plugin shows it as beets' UserError
    ├── AudioError          one file cannot be analysed: skipped, named, counted
    │   └── UndecodableError    one decoder cannot read it; another may (audio.decoders)
    ├── SourceError         a listening history cannot be read (history.formats)
    │   └── ServiceError        a server fails to send a history or to take a playlist (clients)
    ├── WeightsError        the pretrained weights are missing or damaged
    ├── TooLittleMemoryError    a net cannot be trained here
    ├── StoreError          cfaudio's own store or model files cannot be read or written
    └── SettingError        a setting or an option has an invalid value
"""

from __future__ import annotations


class CfAudioError(Exception):
    """Base of all errors for the user; the message is one line."""


class AudioError(CfAudioError):
    """One file cannot be analysed; the message gives the reason, the caller the name of the file."""


class SourceError(CfAudioError):
    """A listening history cannot be read; the message is one line: the file or service, the place in it, and why."""

    def __init__(self, message: str):
        # Names of files and texts out of them may hold anything, line breaks included.
        printable = "".join(letter if letter.isprintable() else " " for letter in message)
        super().__init__(" ".join(printable.split()))


class ServiceError(SourceError):
    """A server cannot be reached, or refuses a request; no secret is in the message."""


class WeightsError(CfAudioError):
    """The pretrained weights are missing or damaged."""


class TooLittleMemoryError(CfAudioError):
    """The memory, of the machine or of its graphics card, does not suffice to train a net."""


class StoreError(CfAudioError):
    """cfaudio's own store or model files cannot be read or written."""


class SettingError(CfAudioError):
    """A setting or an option has an invalid value; the message names the key."""
