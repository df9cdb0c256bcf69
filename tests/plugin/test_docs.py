"""The pages in docs say what the code does: nothing that a user can type is missing, and no example is wrong."""

from __future__ import annotations

import re

import confuse
import pytest
import yaml
from beets.library import Item
from beets.ui import Subcommand
from click.testing import CliRunner
from pages import DOCS, FILES, MANUAL, PAGES, ROOT, blocks, first_cells, section

from beetsplug.cfaudio import CfAudioPlugin
from beetsplug.cfaudio.config.playlists import KINDS, PATH_STYLES, REFRESH, TARGETS, Playlist
from beetsplug.cfaudio.config.servers import LOGINS
from beetsplug.cfaudio.config.settings import DEFAULTS, read_settings
from beetsplug.cfaudio.playlists.naming import NAME_FIELDS
from cfaudio_core.cli import main
from cfaudio_core.data.listeners import COUNT_FIELDS
from cfaudio_core.evaluation.protocols import PROTOCOLS
from cfaudio_core.history.formats import FORMATS
from cfaudio_core.history.formats.table import FIELDS as COLUMNS

COMMANDS = {command.name: command for command in CfAudioPlugin().commands()}


def options(command: Subcommand) -> set[str]:
    return {name for one in command.parser.option_list for name in [*one._short_opts, *one._long_opts]}


def test_every_option_of_every_beet_command_is_documented_and_no_other() -> None:
    for name, command in COMMANDS.items():
        told = {cell.split()[0] for cell in first_cells(section("commands", f"`beet {name}")) if cell.startswith("-")}
        assert told == options(command) - {"-h", "--help"}, name


def test_every_option_of_every_cfaudio_command_is_documented_and_no_other() -> None:
    for name, command in main.commands.items():
        told = {cell.split()[0] for cell in first_cells(section("commands", f"`cfaudio {name}"))}
        assert told == {option for one in command.params for option in one.opts if option.startswith("-")}
        assert CliRunner().invoke(main, [name, "--help"]).exit_code == 0


def test_every_field_is_documented_and_no_other() -> None:
    fields = first_cells(section("commands", "Fields"))
    assert set(fields) == {*CfAudioPlugin().item_types, "cf_score_NAME"}
    assert not set(fields) & set(Item._fields)


def test_the_defaults_that_are_documented_are_the_defaults() -> None:
    (shown, *_) = blocks("configuration", "yaml")
    assert yaml.safe_load(shown) == {"cfaudio": DEFAULTS}
    assert list(yaml.safe_load(shown)["cfaudio"]) == list(DEFAULTS)


@pytest.mark.parametrize("page", PAGES)
def test_every_configuration_that_is_shown_is_taken(page: str) -> None:
    for shown in blocks(page, "yaml"):
        settings = yaml.safe_load(shown).get("cfaudio")
        if settings is not None:
            config = confuse.RootView([confuse.ConfigSource.of({"cfaudio": {**DEFAULTS, **settings}})])
            read_settings(config["cfaudio"])


def test_every_kind_of_playlist_is_documented_with_what_it_comes_with() -> None:
    rows = re.findall(r"^\| `(.*?)` \| .* \| (.*?) \| (.*?) \| (.*?) \|$", section("playlists", "Kinds"), re.MULTILINE)
    assert {name: (int(n), share, refresh) for name, n, share, refresh in rows} == {
        name: (kind.n, "as configured" if kind.unplayed is None else f"{kind.unplayed:g}", kind.refresh)
        for name, kind in KINDS.items()
    }


def test_everything_that_a_playlist_can_say_is_documented() -> None:
    entry = section("playlists", "Keys of an entry")
    said, names = entry.split("Names take beets' templates")
    assert set(first_cells(said)) == set(Playlist.__dataclass_fields__)
    assert set(first_cells(names)) == {f"${name}" for name in NAME_FIELDS}
    for word in (*REFRESH, *TARGETS):
        assert f"`{word}`" in said


def test_every_target_and_its_settings_are_documented() -> None:
    targets = section("playlists", "Targets")
    assert set(re.findall(r"^- \*\*`(\w+)`\*\*", targets, re.MULTILINE)) == set(TARGETS)
    (shown,) = [block for block in blocks("playlists", "yaml") if "subsonic:" in block]
    servers = yaml.safe_load(shown)["cfaudio"]
    for kind, login in LOGINS.items():
        of_users = {key for one in servers[kind]["users"].values() for key in one}
        assert {*servers[kind], *of_users} == {"url", "users", *login}
    assert set(first_cells(targets)) == {"relative_to", *PATH_STYLES}
    assert set(servers["mpd"]) == {"host", "port", "password"}


def test_every_import_format_count_field_and_column_is_documented() -> None:
    formats = first_cells(section("histories", "Importing a history"))
    assert formats == list(FORMATS)
    assert set(first_cells(section("histories", "Counts that are there"))) == set(COUNT_FIELDS)
    for column in COLUMNS:
        assert f"`{column}`" in section("histories", "Importing a history")


def test_every_protocol_is_documented() -> None:
    told = [cell for cell in first_cells(section("commands", "`beet cfevaluate`")) if not cell.startswith("-")]
    assert told == list(PROTOCOLS)


@pytest.mark.parametrize("page", PAGES)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", PAGES[page]):
        assert (FILES[page].parent / target).is_file(), target


def test_no_page_is_left_out_of_the_contents() -> None:
    def contents(page: str) -> set[str]:
        listed = re.findall(r"^([\w/-]+)$", "\n".join(blocks(page, r"\{toctree\}")), re.MULTILINE)
        return {(FILES[page].parent / name).relative_to(DOCS).as_posix() for name in listed}

    assert contents("index") == {*MANUAL, "lab/index"} - {"index", "README"}
    assert contents("lab/index") == {name for name in PAGES if name.startswith("lab/")} - {"lab/index"}
    for name in contents("index"):
        assert f"(docs/{name}.md)" in PAGES["README"], name
    for name in contents("lab/index"):
        assert f"({name.removeprefix('lab/')}.md" in PAGES["lab/index"].split("```")[0], name


def test_every_function_between_a_file_and_its_score_is_where_the_developers_page_says() -> None:
    rows = re.findall(
        r"^\| `([\w.]+)` \| `([\w/]+\.py)` \|", section("developers", "From a file to its score"), re.MULTILINE
    )
    assert 8 <= len(rows) <= 12
    for function, module in rows:
        file = ROOT / module if module.startswith("beetsplug") else ROOT / "cfaudio_core" / module
        for part in function.split("."):
            assert re.search(rf"^\s*(?:def|class) {part}\b", file.read_text(encoding="utf-8"), re.MULTILINE), function
