"""README and manual are short, in plain English, and use one word for one thing."""

from __future__ import annotations

import re

import pytest
from pages import MANUAL, PAGES, ROOT, prose

WORDS_AT_MOST = 12_000  # README and manual together
WORDS_A_SENTENCE = 18  # in the mean of a page
EASE = 60  # of a page, Flesch's reading ease: 60 to 70 is plain English, below 50 is difficult

# What a word that had a meaning of its own in the code once is called instead. Others of that kind (own, there, place,
# change, sound, found, account, ...) are words of every day too, and are left to the reader's eye.
INSTEAD = {
    "hear, hears, heard, unheard": "analyse (a net), play (a person)",
    "teach, teaches, taught, lesson, lessons": "train, fit, training set",
    "foretell, foretells, foretold": "predict",
    "landscape, landscapes, sound space": "map, feature space",
    "impression, impressions": "predictions",
    "crew, crews": "workers",
    "known by their sound": "analysed",
}
INSTEAD_IN_MANUAL = {
    **INSTEAD,
    "learnt from, learns from": "trained on",
    "explore, explores": "fit, look at",
    "judge, judges, judged": "evaluate",
    "nonsense": "shuffled",
    "shelf, catalogue": "library, snapshot",
    "anchor, anchors": "landmarks",
    "liking, appeal": "preference, score",
    "trust, trusts, evidence": "weight, plays",
    "anew": "again",
}
# Words that only some readers know, that another language has lent, or that promise instead of telling.
JARGON = """a priori, agnostic, boilerplate, cold start, cutting-edge, e.g., ergonomic, etc., first-class, frictionless,
holistic, hyperparameter, hyperparameters, i.e., idempotent, in order to, inference, leverage, leverages, modulo,
orthogonal, out of the box, paradigm, performant, please note, powerful, robust, robustly, seamless, seamlessly,
state-of-the-art, stochastic, sub-optimal, trivial, trivially, utilise, utilize, via, vis-a-vis, w.r.t., WCCN"""


def found_in(text: str, words: str) -> list[str]:
    listed = "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in re.split(r",\s+", words))
    return re.findall(rf"(?<![\w-])(?:{listed})(?![\w-])", text, re.IGNORECASE)


def sentences(page: str) -> list[list[str]]:
    """Words of each sentence of the running text: code is one word, and tables and headings are left out."""
    text = re.sub(r"\]\([^)]*\)", "]", prose(page))
    text = re.sub(r"`[^`]*`", "code", re.sub(r"^(?:\||#).*$", "", text, flags=re.MULTILINE))
    text = re.sub(r"^\s*[-*] ", "\n\n", text, flags=re.MULTILINE)
    parts = re.split(r"(?<=[.!?:])[*)\"]*\s+(?=[\[*\"(A-Z0-9])|\n\s*\n", text)
    return [words for part in parts if len(words := re.findall(r"[^\W\d_][\w'-]*", part)) > 1]


def syllables(word: str) -> int:
    """Count a word's groups of vowels, without a silent e at its end."""
    return max(len(re.findall(r"[aeiouy]+", re.sub(r"(?<=[^aeiouyl])e[sd]?$", "", word.lower()))), 1)


def reading_ease(page: str) -> float:
    """Compute Flesch's reading ease (1948)."""
    read = sentences(page)
    words = [word for sentence in read for word in sentence]
    return 206.835 - 1.015 * len(words) / len(read) - 84.6 * sum(map(syllables, words)) / len(words)


def test_the_manual_is_short() -> None:
    words = {name: len(PAGES[name].split()) for name in MANUAL}
    assert sum(words.values()) <= WORDS_AT_MOST, words


@pytest.mark.parametrize("page", [*PAGES, "CHANGELOG"])
def test_one_word_has_one_meaning(page: str) -> None:
    text = PAGES.get(page) or (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    instead = INSTEAD_IN_MANUAL if page in MANUAL else INSTEAD
    assert not {word: better for words, better in instead.items() for word in found_in(text, words)}


@pytest.mark.parametrize("page", MANUAL)
def test_no_page_uses_jargon(page: str) -> None:
    assert not found_in(prose(page), JARGON)


@pytest.mark.parametrize("page", MANUAL)
def test_sentences_are_short_and_words_are_plain(page: str) -> None:
    read = sentences(page)
    assert sum(map(len, read)) / len(read) <= WORDS_A_SENTENCE
    assert reading_ease(page) >= EASE


def test_the_measure_of_reading_tells_plain_english_from_officialese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PAGES, "plain", "The cat sat on the mat. It was warm there. Then the dog came in.\n")
    monkeypatch.setitem(PAGES, "official", "Functionality utilisation necessitates organisational prioritisation.\n")
    assert reading_ease("plain") > 90
    assert reading_ease("official") < 0
