"""Make `library-0.1.0.zip`: a library of forty short tracks as version 0.1.0 left it, without the music.

    git worktree add /tmp/old 2dc4bc3 && PYTHONPATH=/tmp/old python tests/golden/make_library.py /tmp/old

It holds `beets/library.db` (fields that 0.1.0 wrote), and of `beets/cfaudio` the features (one window a track), the
model, and a history of listens. Whoever reads it needs no decoder: what was analysed once is never analysed again.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
import time
import zipfile
from contextlib import closing
from pathlib import Path

import numpy as np

TARGET = Path(__file__).with_name("library-0.1.0.zip")
KEEP = ("library.db", "cfaudio/features.db", "cfaudio/history.db", "cfaudio/models/*")
START = 1_700_000_000
EPOCH = (1980, 1, 1, 0, 0, 0)  # of all files in the archive, so that it is the same whenever it is made


def main() -> None:
    """Let the old version analyse its tests' own collection, and keep what it wrote."""
    sys.path[:0] = [str(Path(sys.argv[1]) / "tests" / folder) for folder in ("plugin", "core")]
    from user_home import BELLS, DRUMS, PER_ARTIST, Home, bells, drums

    with tempfile.TemporaryDirectory() as folder:
        home = Home.make(Path(folder) / "home")
        home.configure({"windows": 1})
        with home.library() as lib:
            from beets.library import Item

            for a, artist in enumerate([*BELLS, *DRUMS]):
                items = []
                for k in range(PER_ARTIST):
                    sound = (bells if artist in BELLS else drums)(a * PER_ARTIST + k)
                    file = home.write(f"{artist}/{k + 1} Stück.wav", sound)
                    about = {"artist": artist, "albumartist": artist, "album": f"{artist}'s best", "length": 4.5}
                    item = Item(path=bytes(file), title=f"Stück {k + 1}", track=k + 1, genres=["test"], **about)
                    if artist in BELLS[:-1]:
                        item.play_count = 5 + 3 * k + a
                    elif artist in DRUMS[:-1]:
                        item.skip_count = 2 + k
                    items.append(item)
                lib.add_album(items)
        listens = home.folder / "listens.jsonl"
        rng = np.random.default_rng(0)
        rows = []
        for session in range(40):
            for k, track in enumerate(rng.choice(4 * PER_ARTIST, int(rng.integers(2, 7)), replace=False).tolist()):
                at, song = START + 86400 * session + 5 * k, f"Stück {track % PER_ARTIST + 1}"
                about = {"artist_name": BELLS[track // PER_ARTIST], "track_name": song}
                rows.append({"listened_at": at, "track_metadata": about})
        listens.write_text("".join(json.dumps(row) + "\n" for row in rows))
        for command in (["cfimport", "listenbrainz", str(listens)], ["cfembed", "-j", "1"]):
            ran = home.beet(*command)
            print(ran.out, ran.err)
            assert ran.code == 0, ran
        with closing(sqlite3.connect(home.store)) as store, store:
            for (path,) in store.execute("SELECT path FROM files").fetchall():
                moved = b"/music" + path.removeprefix(bytes(home.music))
                store.execute("UPDATE files SET path = ? WHERE path = ?", (moved, path))
            store.commit()
            store.execute("VACUUM")
        with zipfile.ZipFile(TARGET, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for file in sorted(file for pattern in KEEP for file in home.beetsdir.glob(pattern)):
                name = f"beets/{file.relative_to(home.beetsdir)}"
                archive.writestr(zipfile.ZipInfo(name, EPOCH), file.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    print(f"{TARGET.name}: {TARGET.stat().st_size} bytes, {time.strftime('%F')}")


if __name__ == "__main__":
    main()
