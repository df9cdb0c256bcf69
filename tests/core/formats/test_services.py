"""Services that answer nonsense: sound records or one line, whatever stands where in what they say."""

import json

import pytest
from format_contract import ANYTHING, VALUES, assert_one_line, assert_sound, collect_until_error
from fuzzing import fuzz
from hypothesis import given
from hypothesis import strategies as st
from test_listenbrainz_api import listen
from test_listenbrainz_api import service as listenbrainz
from test_subsonic import LOGIN
from test_subsonic import server as subsonic
from web_double import Answer, serving

SERVICES = {
    "subsonic": (subsonic(), "", LOGIN),
    "listenbrainz": (listenbrainz([listen(1_700_000_000 - 100 * i, f"t{i}") for i in range(4)]), "/user/somebody", {}),
}


def with_another_value(answer, place, other):
    """Answer as a service does, but with another thing in the place-th value, or in place of a whole answer."""
    left = place

    def answer_otherwise(request):
        nonlocal left
        answered = answer(request)
        text = json.dumps(answered.content)
        values = list(VALUES.finditer(text))
        if 0 <= left < len(values):
            value = values[left]
            text = text[: value.start()] + json.dumps(other) + text[value.end() :]
        elif left == len(values):
            text = json.dumps(other)
        left -= len(values) + 1
        return Answer(text.encode(), answered.status)

    return answer_otherwise


@pytest.mark.parametrize("name", SERVICES)
def test_any_answer_gives_sound_records_or_one_line(name, monkeypatch):
    monkeypatch.setattr("cfaudio_core.clients.http.time.sleep", lambda _: None)
    answer, path, options = SERVICES[name]

    @fuzz(60)
    @given(st.integers(0, 40), ANYTHING)
    def check(place, other):
        with serving(with_another_value(answer, place, other)) as double:
            records, error = collect_until_error(name, double.address + path, **options)
        for record in records:
            assert_sound(record)
        if error:
            assert_one_line(error, double.address)

    check()
