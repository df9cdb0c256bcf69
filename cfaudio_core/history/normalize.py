"""Keys of names, equal for two spellings of one name, by which listens and library are compared.

Players, scrobblers and taggers write "The Beatles", "Beatles, The" and "BEATLES", put guests into the artist or into
the title, and hang "- Remastered 2009" on what is the same recording. A key drops such differences, and nothing that
tells two recordings apart: "Song (live)", "Song (inst.)" and "Song" have three keys.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

VARIOUS = frozenset({"variousartists", "various", "va", "unknownartist", "untagged", ""})
"""Keys of artists that name nobody."""

_MARKS = re.compile("[\u0300-\u036f\u00ad\u200b-\u200f\u2060\ufe0f]+")  # accents of letters, and what has no width
_GUESTS = r"(?:feat(?:uring)?|ft)\b\.?"
_LIST_SIGNS = r";|\u2022\u3001"  # of lists of artists, and in no name of a band
_BETWEEN = r"[\s\-\u2013\u2014,:]+"  # Spotify writes "2011 - Remaster"
_EDITION = (
    rf"(?:(?:\d{{4}}|\d+(?:st|nd|rd|th)\s+anniversary|\d+-?bit|newly|digital(?:ly)?){_BETWEEN})*"
    r"(?:re-?mast[e\u00e9]r(?:ed|i[sz]\w+)?|mono|stereo|(?:super\s+)?deluxe|expanded|explicit|bonus\s+tracks?|album\s+version"
    r"|(?:\d+(?:st|nd|rd|th)\s+)?anniversary|special\s+edition|limited\s+edition|collector.?s\s+edition"
    r"|legacy\s+edition)"
    rf"(?:{_BETWEEN}(?:re-?mast[e\u00e9]r(?:ed|i[sz]\w+)?|edition|version|mix|album|tracks?|in|en|\d{{4}}))*"
)
_TITLE_GUESTS = re.compile(
    rf"\s*[(\[{{]\s*(?:{_GUESTS}|with\s)[^()\[\]{{}}]*[)\]}}]|\s{_GUESTS}\s.*?(?=\s+[(\[]|\s+-\s|$)", re.IGNORECASE
)
_ARTIST_GUESTS = re.compile(
    rf"\s*[(\[]\s*(?:{_GUESTS}|with\s).*$|[\s,;]+(?:{_GUESTS}|with|w/)\s.*$|\s*[{_LIST_SIGNS}].*$", re.IGNORECASE
)
_SUFFIX = re.compile(rf"\s*[(\[]\s*{_EDITION}\s*[)\]]\s*$|\s[-\u2013\u2014/]\s*{_EDITION}\s*$", re.IGNORECASE)
_HINTS = re.compile(r"[(\[{\-\u2013\u2014/]|feat|ft", re.IGNORECASE)  # without one of these there is nothing to strip
_NUMERALS = "i one,ii two,iii three,iv four,v five,vi six,vii seven,viii eight,ix nine,x ten,xi eleven,xii twelve"
_NUMBERS = {name: str(n) for n, names in enumerate(_NUMERALS.split(","), start=1) for name in names.split()}
_NUMBER = rf"(?:\d+|{'|'.join(_NUMBERS)})\b"
_PART = re.compile(
    rf"\b(?:(?P<part>pts?|parts?)|vol(?:ume)?)(?:\.\s*|\s+|(?=\d))(?P<numbers>{_NUMBER}(?:\s*[-\u2013&,]\s*{_NUMBER})*)",
    re.IGNORECASE,
)
"""The number of a part or a volume; a numeral alone, as in "Song II", is a name."""

_LISTS = re.compile(
    rf"\s*[{_LIST_SIGNS},/&\u00d7]\s*|\s+(?:\+|x|vs\.?|and|und|et|y|pres(?:ents|\.)?|meets)\s+"
    rf"|[\s,(\[]+(?:{_GUESTS}|w/|with\b)\s*|[)\]]",
    re.IGNORECASE,
)
_CREDITED = re.compile(rf"(?:[(\[{{]\s*(?:{_GUESTS}|with\s)|\s{_GUESTS})\s*([^()\[\]{{}}]+)", re.IGNORECASE)
_MOVEMENT = (
    r"adagi(?:o|etto)|agnus|all?egr(?:o|etto)|allemande|andant(?:e|ino)|animato|ari(?:a|e|oso)|benedictus|bourree|cadenza"
    r"|chaconne|chorale?|chorus|ciaccona|coro|corrente|courante|credo|finale|fug(?:a|ue)|gavotte|giga|gigue|grave"
    r"|introduzione|kyrie|langsam|largh?(?:o|etto)|lebhaft|lento?|maestoso|men?uett?o?|minuett?o?|moderato|o[vu]+erture"
    r"|passacaglia|passepied|prael?udium|prelud(?:e|io)|prest(?:o|issimo)|recitativ[eo]?|rondeau|rondo|sanctus|sarabande"
    r"|scherzo|schnell|sicilian[ao]|sinfonia|tempo|theme|trio|tutti|variation|vi[fv]|vivace|vivo"
)
_BESIDE_MOVEMENT = (
    r"a|alla|and|assai|brio|cantabile|con|da|dei|di|et?|etwas|fuoco|giocoso|giusto|grazioso|il?|la|ma|massig|me[hn]o?s?"
    r"|molto|moss?o|moto|nicht|non|perpetuo|piu|poco|quasi|ruhig|sehr|sempre|sostenuto|spiritoso|tanto|tres|troppo|und?|zu"
)
_MOVEMENT_TITLE = re.compile(
    rf"(?:(?:\d+|[ivx]+) )?(?:(?:{_BESIDE_MOVEMENT}) )*(?:{_MOVEMENT})(?: (?:{_MOVEMENT}|{_BESIDE_MOVEMENT}))*"
    r"(?:(?: \d{4})? remaster(?:ed)?(?: \d{4})?)?"
)
_ASCII = str.maketrans(
    {chr(c): " " for c in range(128) if not chr(c).isalnum()} | dict.fromkeys("'`.", "") | {"&": " and "}
)
_QUOTES = dict.fromkeys(map(ord, "\u2018\u2019\u201a\u201b\u2032\u02bc\u02b9\u00b4\uff07"), "")


def fold(text: str) -> str:
    """Fold the words of a text to one spelling, with single blanks between them.

    Compatibility forms, case and the accents of letters are folded, apostrophes and full stops dropped, "&" is "and", a
    "+" between blanks is as well, and any other sign is a blank. A text of signs alone ("!!!") only loses its case.

    Idempotent: ``fold(fold(text)) == fold(text)``.
    """
    folded = text.replace(" + ", " & ")
    if not text.isascii():
        for _ in range(3):  # one fold may call for another: a ligature's letters have accents
            folded = _MARKS.sub("", unicodedata.normalize("NFKD", folded)).casefold()
        folded = folded.translate(_QUOTES)
    words = folded.translate(_ASCII)
    if not words.isascii():
        words = "".join(c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in words)
    words = " ".join(words.casefold().split())
    return words or " ".join(folded.casefold().split())


@lru_cache(maxsize=65536)
def artist_key(artist: str) -> str:
    """Key of an artist, without guests, a leading or trailing "the", and blanks."""
    words = fold(_ARTIST_GUESTS.sub("", artist) or artist)
    return _without_the(words).replace(" ", "")


@lru_cache(maxsize=65536)
def album_key(album: str) -> str:
    """Key of an album, without the edition and blanks."""
    return _without_the(_fold_numbered(_strip(album, _SUFFIX))).replace(" ", "")


@lru_cache(maxsize=65536)
def artist_keys(credit: str) -> tuple[str, ...]:
    """Keys of the artists of a credit such as "A, B & C feat. D", in its order; bands like "Earth, Wind & Fire" too."""
    return tuple(dict.fromkeys(filter(None, map(artist_key, _LISTS.split(credit)))))


def guest_keys(title: str) -> tuple[str, ...]:
    """Keys of the guests that a title names."""
    found = _CREDITED.search(title)
    return artist_keys(found[1]) if found else ()


def title_key(title: str) -> str:
    """Key of a song, without guests, editions and blanks; "Pt. 2", "Part 2" and "Part II" are one."""
    if _HINTS.search(title):
        title = _strip(_strip(_strip(title, _SUFFIX), _TITLE_GUESTS), _SUFFIX)
    return _fold_numbered(title).replace(" ", "")


def is_movement(words: str) -> bool:
    """Whether a folded title names a movement, as "II. Allegro ma non troppo" does, and no work: many have one."""
    return _MOVEMENT_TITLE.fullmatch(words) is not None


def plain_key(title: str) -> str:
    """Key of a whole title: tells "Song" and "Song (2011 Remaster)" apart."""
    return fold(title).replace(" ", "")


def _fold_numbered(text: str) -> str:
    words = fold(text)
    return fold(_PART.sub(_numbered, text)) if any(name in words for name in ("pt", "part", "vol")) else words


def _numbered(found: re.Match[str]) -> str:
    """Write parts and volumes as "part 2" and "vol 2"."""
    names = re.split(r"[^\w]+", found["numbers"].lower())
    numbers = " and ".join(_NUMBERS.get(name, name.lstrip("0") or "0") for name in names)
    return f"{'part' if found['part'] else 'vol'} {numbers}"


def _strip(text: str, pattern: re.Pattern[str]) -> str:
    """Remove all that the pattern matches, repeatedly, as long as anything is left."""
    while True:
        shorter = pattern.sub("", text)
        if shorter == text or not shorter.strip():
            return text
        text = shorter


def _without_the(words: str) -> str:
    if words.startswith("the ") and len(words) > 4:
        return words[4:]
    if words.endswith(" the") and len(words) > 4:
        return words[:-4]
    return words
