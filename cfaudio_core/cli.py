"""The `cfaudio` command, for those without a beets library."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from cfaudio_core import __version__
from cfaudio_core.errors import CfAudioError
from cfaudio_core.util.progress import progress


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

    The library is made of the music in FOLDER, which is left as it is, or of two dozen pieces composed on the
    spot in four styles. A listener is simulated who loves some of it and has never played half; then
    `beet cfembed` and `beet cfrecommend` are run, and their choice is compared with what the listener loves.
    """
    # numpy and scipy are loaded for this alone, so that --help and --version answer at once.
    from cfaudio_core.demo import library, listener, outcome

    if folder is not None and not folder.is_dir():
        raise CfAudioError(f"{folder}: there is no such folder")
    with _library_folder(keep) as place:
        made = library.DemoLibrary(place, folder.absolute() if folder else _compose(place / "music", seed))
        made.add_music()
        songs = made.songs()
        if not songs:
            raise CfAudioError(f"{made.music}: no audio that beets can read")
        month = listener.simulate_month(songs, seed)
        made.set_counts(month.plays, month.skips)
        _print(
            f"Imported {len(songs)} tracks. A month of listening: {sum(month.plays.values())} plays of "
            f"{len(month.plays)} tracks and {sum(month.skips.values())} skips, by somebody who loves "
            f"{_listed(month.loved)}; {len(songs) - len(month.plays)} tracks were never played."
        )
        click.echo("\n$ beet cfembed")
        made.embed()
        click.echo("\n$ beet cfrecommend -n 10")
        chosen = made.recommend(10)
        songs = made.songs()
        by_id = {song.id: song for song in songs}
        picks = [(by_id[number], score) for number, score in chosen]
        click.echo(outcome.table(picks, songs, month))
        click.echo(f"* the listener loves this {month.kind}; the recommender was not told\n")
        _print(outcome.summary([song for song, _ in picks], songs, month))
        if keep is not None:
            click.echo(f"\nThe library is kept: BEETSDIR={place} beet ls")


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

    styles = [style.genre for style in albums.STYLES]
    n = albums.N_PIECES
    click.echo(f"Composing {n} pieces of about a minute in {len(styles)} styles: {_listed(styles)}.")
    with progress("composing", n, "pieces") as advance:
        for _ in albums.write_pieces(folder, seed):
            advance(1)
    return folder


def _print(text: str) -> None:
    """Print a paragraph, broken between words."""
    click.echo(click.wrap_text(text, width=88))


def _listed(names: tuple[str, ...] | list[str]) -> str:
    """Join names as in a sentence; of many, only the first."""
    if len(names) > 6:
        names = [*names[:5], f"{len(names) - 5} more"]
    return " and ".join([", ".join(names[:-1])] * (len(names) > 1) + list(names[-1:]))
