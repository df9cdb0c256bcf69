"""The `cfaudio` command, for those without a beets library."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cfaudio_core import __version__
from cfaudio_core.errors import CfAudioError
from cfaudio_core.util.progress import progress

if TYPE_CHECKING:
    from cfaudio_core.demo.library import DemoLibrary, Song

_COLUMNS = 100


class _Commands(click.Group):
    """A group whose commands may raise cfaudio's errors: one line each for the user."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except CfAudioError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cfaudio")
def main() -> None:
    """Recommend music from one's own library, by what is played and how it sounds."""


@main.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--keep", metavar="DIR", type=click.Path(path_type=Path), help="Make the library in DIR and keep it.")
@click.option("--seed", default=1, show_default=True, help="Another number is another listener and music.")
def demo(folder: Path | None, keep: Path | None, seed: int) -> None:
    """Show the whole on a throwaway beets library.

    The library is made of the music in FOLDER, which is left as it is, or of short pieces composed on the spot in four
    styles. A listener is simulated who loves some of it and has never played a part; then `beet cfimport`,
    `beet cfembed` and `beet cfrecommend` are run, and what they rank first is compared with what the listener loves.
    """
    # numpy and scipy are loaded for this alone, so that --help and --version answer at once.
    from cfaudio_core.demo import library, listener, outcome
    from cfaudio_core.report.listing import table

    if folder is not None and not folder.is_dir():
        raise CfAudioError(f"{folder}: there is no such folder")
    with _library_folder(keep) as place:
        made = library.DemoLibrary(place, folder.absolute() if folder else _compose(place / "music", seed))
        made.add_music()
        songs = _songs(made, composed=folder is None)
        if not songs:
            raise CfAudioError(f"{made.music}: no audio that beets can read")
        history = listener.simulate_history(songs, seed)
        history.write(place / "listens.csv")
        _print(outcome.introduction(songs, history))
        _show(made, "cfimport", "csv", str(place / "listens.csv"))
        # On so few files it takes longer to start a process for each core than to analyse them in one.
        _show(made, "cfembed", "-j", "1")
        click.echo("\n$ beet cfrecommend -n 10")
        picks = made.recommend(10)
        songs = _songs(made, composed=folder is None)
        for line in table(outcome.listing(picks, songs), _COLUMNS):
            click.echo(line)
        click.echo("")
        _print(outcome.groups(picks, songs, history))
        _print(outcome.summary(picks, songs, history))
        if ranked := outcome.ranking(songs, history):
            _print(ranked)
        if folder is None:
            _print(
                "Synthesised styles are easier to tell apart than real music: `beet cfevaluate` says how good it is on "
                "your own plays."
            )
        if keep is not None:
            click.echo(f"\nThe library is kept: BEETSDIR={place} beet ls")


@main.command()
@click.option("--fetch", is_flag=True, help="Fetch the net's weights now, for a machine that will have no network.")
def doctor(fetch: bool) -> None:
    """Check the installation, weights, stores, permissions and disk.

    That is what `beet cfdoctor` does; without it, as where the plugin is not enabled, the machine alone is looked at.
    """
    command = [sys.executable, "-P", "-m", "beets", "cfdoctor", *(["--fetch"] if fetch else [])]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace")
    from cfaudio_core.doctor.findings import FIX, Finding, is_report
    from cfaudio_core.doctor.machine import look_at_machine, look_at_weights

    if is_report(done.stdout):
        click.echo(done.stdout, nl=False)
        raise SystemExit(done.returncode)
    for finding in (*look_at_machine(), *look_at_weights("musicnn", None, fetch=fetch)):
        click.echo(finding.line())
    why = (done.stderr.strip().splitlines() or ["it says nothing"])[-1].removeprefix("error: ")
    advice = "`plugins` in beets' configuration has to name cfaudio (`beet config -p` shows where it is)"
    click.echo(Finding(FIX, "beets", f"`beet cfdoctor` fails: {why}", advice).line())
    raise SystemExit(1)


def _songs(made: DemoLibrary, *, composed: bool) -> list[Song]:
    """Read all tracks; those that were composed have no genre in their tags, but one."""
    from cfaudio_core.demo.albums import STYLE_OF

    return [song._replace(genre=STYLE_OF[song.artist]) if composed else song for song in made.songs()]


def _show(made: DemoLibrary, *arguments: str) -> None:
    """Run a `beet` command and show it and its output, lines broken between words."""
    click.echo(f"\n$ beet {' '.join(argument.rpartition('/')[2] for argument in arguments)}")
    for line in made.beet(*arguments, shown=True).splitlines():
        click.echo(line if line.startswith(" ") else click.wrap_text(line, _COLUMNS, subsequent_indent="  "))


@contextmanager
def _library_folder(keep: Path | None) -> Iterator[Path]:
    """Make the folder for the library: the given one, or else a temporary one that goes with its contents."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="cfaudio-demo-") as temporary:
            yield Path(temporary)
        return
    try:
        keep.mkdir(parents=True, exist_ok=True)
        if any(keep.iterdir()):
            raise CfAudioError(f"{keep}: is not empty; --keep needs a new folder")
    except OSError as error:
        raise CfAudioError(f"{keep}: cannot be made a folder ({error.strerror})") from error
    yield keep.absolute()


def _compose(folder: Path, seed: int) -> Path:
    from cfaudio_core.demo import albums
    from cfaudio_core.demo.outcome import listed

    styles = [style.name for style in albums.STYLES]
    n = albums.N_PIECES
    _print(
        f"Composing {n} pieces of about {albums.SECONDS:.0f} s by {len(albums.STYLE_OF)} artists in {len(styles)} "
        f"styles: {listed(styles)}. Their files have no genre."
    )
    with progress("composing", n, "pieces") as advance:
        for _ in albums.write_pieces(folder, seed):
            advance(1)
    return folder


def _print(text: str) -> None:
    """Print a paragraph, broken between words."""
    click.echo(click.wrap_text(text, _COLUMNS))
