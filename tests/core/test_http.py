"""What a web service cannot do to whoever asks it: send the secrets elsewhere, fill the memory, or never end."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from web_double import Answer, serving

from cfaudio_core.clients.http import Service
from cfaudio_core.errors import ServiceError

SECRET = {"password": "sesame"}
WAYS = [{}, {"form": True}, {"body": {"token": "sesame"}}, {"method": "DELETE"}]


@pytest.mark.parametrize("way", WAYS, ids=["query", "form", "body", "DELETE"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_request_follows_to_where_a_service_sends_it(way, status):
    with serving(lambda _: Answer({})) as other:

        def elsewhere(_):
            return Answer(b"", status, {"Location": f"{other.address}/x"})

        with serving(elsewhere) as double, Service(double.address) as service:
            with pytest.raises(ServiceError, match=f"moved to {other.address.removeprefix('http://')}: give that"):
                service.ask("/x", SECRET, **way)
            assert len(double.requests) == 1
        assert not other.requests


def test_a_redirection_without_an_address_is_an_error_as_well():
    with serving(lambda _: Answer(b"", 302)) as double, pytest.raises(ServiceError, match="moved to another address"):
        Service(double.address).ask("/x", SECRET)


@pytest.mark.parametrize(("n_bytes", "fits"), [((1 << 20) - 2, True), ((1 << 20) - 1, False), (8 << 20, False)])
def test_an_answer_has_a_largest_size(n_bytes, fits, monkeypatch):
    monkeypatch.setattr("cfaudio_core.clients.http._MAX_ANSWER_BYTES", 1 << 20)
    answer = b"{" + b" " * n_bytes + b"}"
    with serving(lambda _: Answer(answer)) as double, Service(double.address) as service:
        if fits:
            assert service.ask("/x", {}) == (200, {})
            return
        with pytest.raises(ServiceError, match="an answer of more than 1 MiB"):
            service.ask("/x", {})


@pytest.mark.parametrize(
    ("status", "why"), [(300, "moved"), (302, "moved"), (399, "moved"), (500, "error 500"), (503, "error 503")]
)
def test_the_page_that_comes_with_an_error_or_a_redirection_is_not_read(status, why, monkeypatch):
    monkeypatch.setattr("cfaudio_core.clients.http._MAX_ANSWER_BYTES", 1 << 10)
    with serving(lambda _: Answer(b" " * 5000, status)) as double, pytest.raises(ServiceError, match=why):
        Service(double.address).ask("/x", {}, once=True)


@pytest.mark.parametrize("status", [500, 501, 599])
def test_what_fails_for_another_reason_than_being_busy_is_not_asked_again(status):
    with serving(lambda _: Answer({}, status)) as double, Service(double.address) as service:
        with pytest.raises(ServiceError, match=f"error {status}"):
            service.ask("/x", {})
        assert len(double.requests) == 1


def test_an_answer_that_something_is_not_there_is_one_up_to_499():
    with serving(lambda _: Answer({"error": "gone"}, 499)) as double, Service(double.address) as service:
        assert service.ask("/x", {}) == (499, {"error": "gone"})


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_service_is_asked_again_after_the_pause_it_wants_and_not_for_ever(status, monkeypatch):
    pauses = []
    monkeypatch.setattr("cfaudio_core.clients.http.time.sleep", pauses.append)
    with serving(lambda _: Answer(b"", status, {"Retry-After": "7"})) as double, Service(double.address) as service:
        with pytest.raises(ServiceError, match=f"error {status}"):
            service.ask("/x", {})
        assert (len(double.requests), pauses) == (5, [7, 7, 7, 7])
        pauses.clear()
        with pytest.raises(ServiceError, match=f"error {status}"):
            service.ask("/x", {}, once=True)
        assert (len(double.requests), pauses) == (6, [])


@pytest.mark.parametrize(
    ("headers", "pause"),
    [({"Retry-After": "90000"}, 60), ({"Retry-After": "-5"}, 0), ({"Retry-After": "soon"}, 2), ({}, 2)],
)
def test_a_pause_is_bounded_whatever_the_service_wants(headers, pause, monkeypatch):
    pauses = []
    monkeypatch.setattr("cfaudio_core.clients.http.time.sleep", pauses.append)
    answers = iter([Answer(b"", 429, headers), Answer({"a": 1})])
    with serving(lambda _: next(answers)) as double, Service(double.address) as service:
        assert service.ask("/x", {}) == (200, {"a": 1})
    assert pauses == [pause]


@pytest.mark.parametrize(("said", "pause"), [({"X-RateLimit-Reset-In": "3"}, 3), ({}, 0)])
def test_a_service_that_has_no_more_answers_for_now_is_given_the_time_it_asks_for(said, pause, monkeypatch):
    pauses = []
    monkeypatch.setattr("cfaudio_core.clients.http.time.sleep", pauses.append)
    spent = {"X-RateLimit-Remaining": "0", **said}
    with serving(lambda _: Answer({}, 200, spent)) as double, Service(double.address) as service:
        assert service.ask("/x", {}) == (200, {})
    assert pauses == [pause]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(b"", 400), (400, {})),
        (Answer({"error": "no"}, 404), (404, {"error": "no"})),
        (Answer(b"[1]", 404), (404, {})),
    ],
)
def test_a_refusal_is_an_answer_of_its_own(answer, expected):
    with serving(lambda _: answer) as double, Service(double.address) as service:
        assert service.ask("/x", {}) == expected


@pytest.mark.parametrize("answer", [b"", b"[]", b"1", b"{", b"\xff", b"[" * 100_000])
def test_an_answer_that_is_no_object_is_an_error(answer):
    with serving(lambda _: Answer(answer)) as double, pytest.raises(ServiceError, match="not the JSON object"):
        Service(double.address).ask("/x", {})


def test_a_list_is_an_answer_where_one_was_asked_for_and_an_object_is_none():
    with serving(lambda request: Answer([1, 2] if request.path == "/list" else {})) as double:
        service = Service(double.address)
        assert service.ask("/list", {}, listed=True) == (200, {"items": [1, 2]})
        with pytest.raises(ServiceError, match="not the JSON object"):
            service.ask("/object", {}, listed=True)


def test_what_was_sent_need_not_be_answered_with_anything():
    with serving(lambda _: Answer(b"", 204)) as double, Service(double.address) as service:
        assert service.ask("/x", {}, body={"a": 1}) == (204, {})
        assert [(request.method, request.body) for request in double.requests] == [("POST", b'{"a": 1}')]


@pytest.mark.parametrize("base", ["http://anna:sesame@music.example", "http://music.example/?token=sesame"])
def test_an_address_holds_no_secret(base):
    with pytest.raises(
        ServiceError, match=r"^http://music\.example: give user, password and token as options"
    ) as error:
        Service(base)
    assert "sesame" not in str(error.value)


@pytest.mark.parametrize("base", ["", "music", "http://", "http://[x"])
def test_what_is_no_address_is_named(base):
    with pytest.raises(ServiceError, match="not a web address"):
        Service(base)


def test_all_answers_of_a_service_together_have_a_limit_of_time(monkeypatch):
    clock = iter(range(0, 1000, 20))
    monkeypatch.setattr("cfaudio_core.clients.http.time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.setattr("cfaudio_core.clients.http._MAX_ALL_TIMEOUTS", 2)
    with serving(lambda _: Answer({})) as double, Service(double.address, timeout_s=30) as service:
        for _ in range(3):  # 20 s each
            service.ask("/x", {})
        with pytest.raises(ServiceError, match="its answers have taken hours"):
            service.ask("/x", {})
        assert len(double.requests) == 3


def test_the_pauses_that_a_service_wants_count_as_its_time(monkeypatch):
    monkeypatch.setattr("cfaudio_core.clients.http.time.sleep", lambda _: None)
    monkeypatch.setattr("cfaudio_core.clients.http._MAX_ALL_TIMEOUTS", 2)
    spent = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset-In": "60"}
    with serving(lambda _: Answer({}, 200, spent)) as double, Service(double.address, timeout_s=30) as service:
        service.ask("/x", {})
        with pytest.raises(ServiceError, match="is too slow"):
            service.ask("/x", {})
        assert len(double.requests) == 1
