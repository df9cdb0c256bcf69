import subprocess

import pytest
from format_contract import assert_one_line, collect, collect_until_error
from needs import needs
from test_listenbrainz_files import listen
from web_double import Answer, serving

TOKEN = "0f3c2b1a-secret"


def service(listens, *, page=3):
    """Answer as ListenBrainz does: the newest listens that are older than max_ts."""
    newest_first = sorted(listens, key=lambda listen: -listen["listened_at"])

    def answer(request):
        if request.path != "/1/user/somebody/listens":
            return Answer({"code": 404, "error": "Cannot find user"}, 404)
        before = int(request.query.get("max_ts", 1 << 60))
        found = [entry for entry in newest_first if entry["listened_at"] < before]
        content = {"payload": {"count": len(found[:page]), "listens": found[:page], "user_id": "somebody"}}
        return Answer(content)

    return answer


@pytest.fixture
def pauses(monkeypatch):
    asked = []
    monkeypatch.setattr("cfaudio_core.clients.http.time.sleep", asked.append)
    return asked


def titles(records):
    return [record.track.title for record in records]


@pytest.mark.parametrize("n", [0, 1, 3, 4, 10])
def test_all_pages_are_read_newest_first(n):
    listens = [listen(1_700_000_000 - 100 * i, f"t{i}") for i in range(n)]
    with serving(service(listens)) as double:
        records, _ = collect("listenbrainz", f"{double.address}/1/user/somebody")
    assert titles(records) == [f"t{i}" for i in range(n)]


@pytest.mark.parametrize("address", ["/user/somebody", "/user/somebody/", "/1/user/somebody/listens"])
def test_an_address_in_any_form(address):
    with serving(service([listen()])) as double:
        assert len(collect("listenbrainz", double.address + address)[0]) == 1


def test_listens_of_one_second_on_both_sides_of_a_page_are_all_read_once():
    seconds = [5, 4, 3, 3, 3, 2, 1]  # pages of three end inside the second 3
    listens = [listen(1_700_000_000 + second, f"t{i}") for i, second in enumerate(seconds)]
    with serving(service(listens, page=4)) as double:
        records, _ = collect("listenbrainz", f"{double.address}/user/somebody")
    assert sorted(titles(records)) == [f"t{i}" for i in range(7)]


def test_a_page_of_one_second_alone_is_no_trap():
    listens = [listen(1_700_000_000, f"t{i}") for i in range(3)] + [listen(1_600_000_000, "older")]
    with serving(service(listens)) as double:
        records, _ = collect("listenbrainz", f"{double.address}/user/somebody")
    assert titles(records) == ["t0", "t1", "t2", "older"]


def test_a_name_alone_is_asked_of_listenbrainz(monkeypatch):
    with serving(service([listen()])) as double:
        monkeypatch.setattr("cfaudio_core.history.formats.listenbrainz.API", f"{double.address}/1")
        assert len(collect("listenbrainz", "somebody")[0]) == 1
        assert len(collect("listenbrainz", "https://listenbrainz.org/user/somebody/")[0]) == 1


def test_a_spent_rate_limit_is_waited_for(pauses):
    inner = service([listen()])
    limits = {"X-RateLimit-Limit": "30", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset-In": "7"}
    with serving(lambda request: inner(request)._replace(headers=limits)) as double:
        assert len(collect("listenbrainz", f"{double.address}/user/somebody")[0]) == 1
    assert set(pauses) == {7.0}


def test_too_many_requests_are_tried_again_after_the_time_asked_for(pauses):
    inner = service([listen()])
    refusals = iter([True, True])

    def answer(request):
        if next(refusals, False):
            return Answer({"error": "slow down"}, 429, {"X-RateLimit-Reset-In": "3"})
        return inner(request)

    with serving(answer) as double:
        assert len(collect("listenbrainz", f"{double.address}/user/somebody")[0]) == 1
    assert pauses == [3.0, 3.0]


def test_a_service_that_stays_busy_is_given_up(pauses):
    with serving(lambda _: Answer({}, 503)) as double:
        _, error = collect_until_error("listenbrainz", f"{double.address}/user/somebody")
    assert_one_line(error, f"{double.address}/1: the service answers with error 503")
    assert len(pauses) == 4


def test_the_token_is_sent_and_never_shown(pauses):
    def answer(request):
        assert request.headers["Authorization"] == f"Token {TOKEN}"
        return Answer({"code": 401, "error": f"Invalid token {TOKEN}"}, 401)

    with serving(answer) as double:
        _, error = collect_until_error("listenbrainz", f"{double.address}/user/somebody", token=TOKEN)
    assert_one_line(error, "the token was refused")
    assert TOKEN not in str(error)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer({"error": "no"}, 404), "no user 'somebody'"),
        (Answer(b"<html>"), "the answer is not the JSON object that it should be"),
        (Answer([1]), "the answer is not the JSON object that it should be"),
        (Answer({"payload": {"listens": 3}}), "the answer is not a page of listens"),
        (Answer({"payload": {"listens": [3]}}), "an entry before now is not a listen of ListenBrainz"),
        (Answer({"payload": {"listens": [{"listened_at": 3}]}}), "an entry before now is not a listen of ListenBrainz"),
        (Answer({}, 302, {"Location": "https://elsewhere.example.org/x?secret=1"}), "moved to elsewhere.example.org"),
        (Answer(b"{}", 200, {"Content-Length": "500"}), "asking it failed"),
        (Answer({}, 418), "the answer is not a page of listens (status 418)"),
    ],
)
def test_odd_answers_are_one_line(answer, message):
    with serving(lambda _: answer) as double:
        records, error = collect_until_error("listenbrainz", f"{double.address}/user/somebody")
    assert records == []
    assert_one_line(error, message)
    assert "secret" not in str(error)


def test_a_service_that_gives_the_same_page_for_ever_is_given_up():
    page = Answer({"payload": {"listens": [listen()]}})
    with serving(lambda _: page) as double:
        _, error = collect_until_error("listenbrainz", f"{double.address}/user/somebody")
        assert len(double.requests) < 5
    assert_one_line(error, "does not page back in time")


def test_nobody_there_is_one_line():
    with serving(lambda _: Answer({})) as double:
        pass
    _, error = collect_until_error("listenbrainz", f"{double.address}/user/somebody", token=TOKEN)
    assert_one_line(error, f"{double.address}/1: cannot be reached")


@needs("openssl")
def test_a_certificate_nobody_signed_is_refused_before_the_token_is_sent(tmp_path):
    certificate = tmp_path / "own.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1"]
    made += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", certificate, "-out", tmp_path / "certificate"]
    subprocess.run(made, check=True, capture_output=True)
    certificate.write_text(certificate.read_text() + (tmp_path / "certificate").read_text())
    with serving(service([listen()]), certificate) as double:
        _, error = collect_until_error("listenbrainz", f"{double.address}/user/somebody", token=TOKEN)
        assert not double.requests
    assert_one_line(error, "its TLS certificate cannot be trusted")


@pytest.mark.parametrize(
    "address",
    ["https://listenbrainz.org/", "https://me:hunter2@example.org/user/x", "http:///user/x", "https://[x/user/y"],
)
def test_addresses_that_are_none(address):
    _, error = collect_until_error("listenbrainz", address)
    assert error is not None
    assert "hunter2" not in str(error)
