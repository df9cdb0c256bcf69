"""README is the manual: nothing that a user can type may be missing from it."""

from __future__ import annotations

from pathlib import Path

import pytest
from beets.library import Item
from click.testing import CliRunner

from beetsplug.cfaudio import CfAudioPlugin
from beetsplug.cfaudio.settings import DEFAULTS
from cfaudio_core.cli import main

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("key", DEFAULTS)
def test_readme_documents_every_config_key(key: str) -> None:
    assert f"\n  {key}:" in README


def test_readme_documents_every_option_of_every_beet_command() -> None:
    for command in CfAudioPlugin().commands():
        section = README.split(f"### `beet {command.name} ")[1].split("\n#")[0]
        for option in command.parser.option_list:
            names = [*option._short_opts, *option._long_opts]
            if "--help" not in names:
                missing = [name for name in names if f"`{name}" not in section]
                assert not missing, f"{command.name}: {missing}"


def test_readme_documents_every_field() -> None:
    for field in CfAudioPlugin().item_types:
        assert f"| `{field}` |" in README
        assert field not in Item._fields


def test_readme_documents_every_cfaudio_command() -> None:
    for name in main.commands:
        assert f"cfaudio {name}" in README
        assert CliRunner().invoke(main, [name, "--help"]).exit_code == 0
