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
_LIST_SIGNS = r";|\0\u2022\u2400\u3001"  # of lists of artists, and in no name of a band; beets joins by U+2400
_BETWEEN = r"[\s\-\u2013\u2014,:;/+&]+"  # Spotify writes "2011 - Remaster", others "Remastered & Expanded"
_REMASTER = r"re-?mast(?:[e\u00e9]r(?:ed|ing|i[sz]\w+)?\b|\.)|rimasterizzat[ao]"
_EDITION = (
    rf"(?:(?:\d{{4}}|\d+(?:st|nd|rd|th)\s+anniversary|\d+[\s-]?bit|newly|digital(?:ly)?|version){_BETWEEN})*"
    rf"(?:{_REMASTER}|mono|stereo|(?:super\s+)?deluxe|expanded|explicit|bonus\s+tracks?|(?:album|lp)\s+version"
    r"|(?:\d+(?:st|nd|rd|th)\s+)?anniversary|special\s+edition|limited\s+edition|collector.?s\s+edition"
    r"|legacy\s+edition|official\s+(?:(?:music|lyrics?)\s+)?(?:video|audio))"
    rf"(?:{_BETWEEN}(?:{_REMASTER}|edition|version|mix|album|deluxe|expanded|tracks?|in|en|\d{{4}}|0\d))*"
)
_TITLE_GUESTS = re.compile(
    rf"\s*[(\[{{]\s*(?:{_GUESTS}|with\s|w/|prod(?:\.|uced\s))[^()\[\]{{}}]*[)\]}}]|\s{_GUESTS}\s.*?(?=\s+[(\[]|\s+-\s|$)",
    re.IGNORECASE,
)
_ARTIST_GUESTS = re.compile(
    rf"\s*[(\[]\s*(?:{_GUESTS}|with\s).*$|[\s,;]+(?:{_GUESTS}|with|w/)\s.*$|\s*[{_LIST_SIGNS}].*$", re.IGNORECASE
)
_SUFFIX = re.compile(rf"\s*[(\[{{]\s*{_EDITION}\s*[)\]}}]\s*$|\s[-\u2013\u2014/]\s*{_EDITION}\s*$", re.IGNORECASE)
_RELEASE = re.compile(r"\s+(?:-\s+)?(?:EP|Single)\s*$|\s*[(\[](?:EP|Single)[)\]]\s*$")
_HINTS = re.compile(r"[(\[{\-\u2013\u2014/]|feat|ft", re.IGNORECASE)  # without one of these there is nothing to strip
_NUMERALS = "i one,ii two,iii three,iv four,v five,vi six,vii seven,viii eight,ix nine,x ten,xi eleven,xii twelve"
_NUMBERS = {name: str(n) for n, names in enumerate(_NUMERALS.split(","), start=1) for name in names.split()}
_NUMBER = rf"(?:\d+|{'|'.join(_NUMBERS)})\b"
_PART = re.compile(
    rf"\b(?:(?P<part>pts?|parts?|parte|partie|teil)|vol(?:ume)?)(?:\.\s*|\s+|(?=\d))(?P<numbers>{_NUMBER}(?:\s*[-\u2013&,]\s*{_NUMBER})*)",
    re.IGNORECASE,
)
"""The number of a part or a volume; a numeral alone, as in "Song II", is a name."""

_LISTS = re.compile(
    rf"\s*[{_LIST_SIGNS},/&\u00d7\u30fb\\]\s*|\s+[\u00b7\u2219\u22c5\u2027]\s+"
    r"|\s+(?:\+|x|vs\.?|versus|and|und|u\.|et|y|e|i|en|og|och|ja|\u0438|con|avec|mit|pres(?:ents|\.)?|meets|starring)\s+"
    rf"|[\s,(\[]+(?:{_GUESTS}|[wf]/|(?:duet\s+)?with\b)\s*|[)\]]",
    re.IGNORECASE,
)
_CREDITED = re.compile(rf"(?:[(\[{{]\s*(?:{_GUESTS}|with\s)|\s{_GUESTS})\s*([^()\[\]{{}}]+)", re.IGNORECASE)
_MOVEMENT = (
    r"act|adagi(?:o|etto)|agnus|all?egr(?:o|etto)|allemande|andant(?:e|ino)|anime|animato|ari(?:a|e|en|oso)|atto"
    r"|auftritt|benedictus|bewegt|bourree|cadenza|chaconne|chor(?:ale?)?|chorus|ciaccona|coro|corrente|courante|credo"
    r"|dies irae|entr ?acte|etude|fantasia|finale|fug(?:a|ue)|gavotte|giga|gigue|gloria in excelsis|grave|impromptu"
    r"|intermezzo|introdu[cz]ione|kyrie|langsam|largh?(?:o|etto)|lebhaft|lent[oe]?|maestoso|marche|marcia|massig"
    r"|mazurka|men?uett?o?|minuett?o?|moderato|modere|mouvement|movement|movimento|mvt|nocturne|o[vu]+erture"
    r"|passacaglia|passepied|polonaise|prael?udium|prelud(?:e|io)|prest(?:o|issimo)|recitativ[eo]?|rezitativ|rondeau"
    r"|rondo|romanze|ruhig|sanctus|sarabande|satz|scen[ae]|scherzo|schnell|sicilian[ao]|sinfonia|sonat[ae]|szene|tempo"
    r"|theme|tema|toccata|trio|tutti|var|variation(?:en|s)?|vi[fv]|vivac(?:e|issimo)|vivo|walzer"
)
_BESIDE_MOVEMENT = (
    r"a|alla|and|assai|brio|cantabile|con|da|dei|deo|di|eleison|et?|etwas|fuoco|funebre|giocoso|giusto|grazioso|il?|la|ma"
    r"|me[hn]o?s?|mesto|molto|moss?o|moto|nicht|non|perpetuo|piu|poco|quasi|sehr|sempre|sostenuto|spiritoso|tanto|tres|troppo|und?|zu"
)
_MOVEMENT_TITLE = re.compile(
    rf"(?:(?:\d+(?:st|nd|rd|th|e)?|[ivx]+) )?(?:(?:{_BESIDE_MOVEMENT}) )*(?:{_MOVEMENT})"
    rf"(?: (?:{_MOVEMENT}|{_BESIDE_MOVEMENT}|\d+|[ivx]+))*"
    r"(?:(?: \d{4})? remaster(?:ed)?(?: \d{4})?)?"
)
_ASCII = str.maketrans(
    {chr(c): " " for c in range(128) if not chr(c).isalnum()} | dict.fromkeys("'`.", "") | {"&": " and "}
)
_BRACKETS = str.maketrans("\u3010\u3011\u3014\u3015", "[][]")
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
    artist = _compose(artist)
    words = fold(_ARTIST_GUESTS.sub("", artist) or artist)
    return _without_the(words).replace(" ", "")


@lru_cache(maxsize=65536)
def album_key(album: str) -> str:
    """Key of an album, without the edition and blanks."""
    return _without_the(_fold_numbered(_strip(_strip(_compose(album), _RELEASE), _SUFFIX))).replace(" ", "")


@lru_cache(maxsize=65536)
def artist_keys(credit: str) -> tuple[str, ...]:
    """Keys of the artists of a credit such as "A, B & C feat. D", in its order; bands like "Earth, Wind & Fire" too."""
    return tuple(dict.fromkeys(filter(None, map(artist_key, _LISTS.split(_compose(credit))))))


def guest_keys(title: str) -> tuple[str, ...]:
    """Keys of the guests that a title names."""
    found = _CREDITED.search(_compose(title))
    return artist_keys(found[1]) if found else ()


def title_key(title: str) -> str:
    """Key of a song, without guests, editions and blanks; "Pt. 2", "Part 2" and "Part II" are one."""
    title = _compose(title)
    if _HINTS.search(title):
        title = _strip(_strip(_strip(title, _SUFFIX), _TITLE_GUESTS), _SUFFIX)
    return _fold_numbered(title).replace(" ", "")


def is_movement(words: str) -> bool:
    """Whether a folded title names a movement, as "II. Allegro ma non troppo" does, and no work: many have one."""
    return _MOVEMENT_TITLE.fullmatch(words) is not None


def plain_key(title: str) -> str:
    """Key of a whole title: tells "Song" and "Song (2011 Remaster)" apart."""
    return fold(title).replace(" ", "")


def _compose(text: str) -> str:
    """Write signs as in ASCII where there is one: Japanese names have brackets, commas and letters of full width."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text).translate(_BRACKETS)


def _fold_numbered(text: str) -> str:
    words = fold(text)
    return fold(_PART.sub(_numbered, text)) if any(name in words for name in ("pt", "part", "teil", "vol")) else words


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
    return words[4:] if words.startswith("the ") else words.removesuffix(" the")
