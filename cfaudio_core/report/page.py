"""The page: one HTML file with everything in it, that requests nothing from the network.

Whatever comes from tags is text here: the template escapes it, the data of the map is JSON that cannot end its script
element, and a content security policy lets no script run but the page's own, known by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import NamedTuple

from cfaudio_core.data.tracks import Tracks
from cfaudio_core.report.map_data import map_data
from cfaudio_core.report.palettes import css_variables
from cfaudio_core.report.river_svg import OTHER, draw_river, river_data
from cfaudio_core.report.rows import rows_of
from cfaudio_core.report.sections.changes import Changes
from cfaudio_core.report.sections.disagreement import Disagreement
from cfaudio_core.report.sections.filters import Filter
from cfaudio_core.report.sections.learnt import Card
from cfaudio_core.report.sections.neighbours import FineTuned
from cfaudio_core.report.sections.past_runs import LEGEND, Evaluation, TrainingRun
from cfaudio_core.report.sections.regions import Region
from cfaudio_core.report.sections.river import River
from cfaudio_core.report.sections.verdicts import SYSTEM_LEGEND, Verdict
from cfaudio_core.util.arrays import BoolArray, FloatArray

_ASSETS = Path(__file__).parent / "assets"
SERVED_NO, SERVED_YES = 'data-served="no"', 'data-served="yes"'
"""The attribute of the page as a file, and as the server sends it."""

_MAP_SCRIPTS = ("painter.js", "colours.js", "layers.js", "names.js", "search.js", "view.js", "map.js")
_OTHER_SCRIPTS = ("compare.js", "export.js", "river.js", "rows.js", "feedback.js", "queue.js", "player.js", "lists.js")
_SCRIPTS = (*_MAP_SCRIPTS, *_OTHER_SCRIPTS, "page.js", "stops.js")
_STYLES = ("page.css", "map.css", "sections.css", "player.css", "river.css")


@dataclass(frozen=True)
class TasteMode:
    """One of several modes of a listener's taste.

    `name` is in the words of genres and audio tags, "" where its tracks have none in common; `share` of the listening,
    positions of typical tracks, more words, and artists.
    """

    name: str
    share: float
    tracks: list[int]
    labels: list[str] = field(default_factory=list)
    artists: list[str] = field(default_factory=list)


class Pick(NamedTuple):
    """A track to play now: its position, and why."""

    track: int
    why: str


@dataclass(frozen=True)
class Report:
    """The contents of a page; positions are those of `tracks`.

    Attributes
    ----------
    tracks
        n tracks that have a vector, all of them or those of `projection.tracks_shown`.
    coordinates
        float32 (n, 2): position on the map, within -1 to 1.
    plays, scores, added, years
        float32 (n,); NaN where unknown. `added` is in years, as 2026.5.
    existing
        bool (n,): the file exists.
    tags
        n tuples of audio tags, best first.
    regions
        Named regions of the map.
    picks, verdicts, changes
        The first screen: tracks to play now, answers of the evaluations, and what is played more or less than before.
    unplayed_above_usual
        Tracks never played that score above half of the played ones.
    others
        Name of each other listener to their plays, float32 (n,).
    river
        Tastes over the years.
    lists
        The playlists of the configuration, as `serving.lists.lists_as_json` makes them.
    modes, learnt, disagreements, training_runs, evaluations
        The sections; one that is empty is replaced by the `why_no_` text of its name.
    fine_tuned, filters
        How neighbours changed by fine-tuning, None without it, and filters of the net's first layer.
    factors
        Number of latent factors, which the directions hold beside audio.
    left_out, left_out_played
        Tracks that have a vector and are not shown, and how many of them the listener has played.
    """

    listener: str
    model: str
    tracks: Tracks
    coordinates: FloatArray
    plays: FloatArray
    scores: FloatArray
    added: FloatArray
    years: FloatArray
    existing: BoolArray
    tags: list[tuple[str, ...]]
    regions: list[Region] = field(default_factory=list)
    modes: list[TasteMode] = field(default_factory=list)
    picks: list[Pick] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    changes: Changes = field(default_factory=Changes)
    unplayed_above_usual: int = 0
    others: dict[str, FloatArray] = field(default_factory=dict)
    river: River = field(default_factory=River)
    lists: list[dict[str, object]] = field(default_factory=list)
    learnt: list[Card] = field(default_factory=list)
    fine_tuned: FineTuned | None = None
    filters: list[Filter] = field(default_factory=list)
    factors: int = 0
    disagreements: list[Disagreement] = field(default_factory=list)
    training_runs: list[TrainingRun] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    why_no_disagreements: str = ""
    why_no_learnt: str = ""
    left_out: int = 0
    left_out_played: int = 0


def render(report: Report) -> bytes:
    """Render the page as UTF-8."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_ASSETS), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["commands"] = commands
    environment.filters["percent"] = percent
    scripts = [(_ASSETS / name).read_text("utf-8") for name in _SCRIPTS]
    page = environment.get_template("page.html").render(
        report=report,
        style=css_variables() + "".join((_ASSETS / name).read_text("utf-8") for name in _STYLES),
        scripts=scripts,
        policy=_policy(scripts),
        served=SERVED_NO,
        data=_json(
            {
                **map_data(report),
                "lists": report.lists,
                "rows": rows_of(report),
                "river": river_data(report.river),
            }
        ),
        draw_river=draw_river,
        other=OTHER,
        legend=LEGEND,
        systems=SYSTEM_LEGEND,
        today=date.today().isoformat(),
        played=int((report.plays > 0).sum()) + report.left_out_played,
    )
    return page.encode("utf-8", "replace")


def percent(share: float) -> str:
    """Format a share, 0 to 1, as a percentage without decimals unless it is small."""
    return f"{100 * share:.1f}\u00a0%" if 0 < share < 0.095 else f"{100 * share:.0f}\u00a0%"


def commands(text: str) -> str:
    """Mark text between backticks as code, and escape all else."""
    from markupsafe import Markup, escape

    parts = [escape(part) for part in text.split("`")]
    return Markup("").join(Markup("<code>{}</code>").format(part) if k % 2 else part for k, part in enumerate(parts))


def _json(value: object) -> str:
    """JSON that is safe between the tags of a script element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for mark in "<>&\u2028\u2029":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text


def _policy(scripts: Sequence[str]) -> str:
    """Content security policy: the page's own scripts, audio and covers from its own server, and nothing else."""
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src 'self' data: blob:; "
        "media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'"
    )
