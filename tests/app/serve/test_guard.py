import pytest

pytest.importorskip("starlette")
pytest.importorskip("httpx")

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from gammaflow.app.serve.guard import COOKIE, Guard, is_local
from support.asgi import Client

TOKEN = "0123456789abcdef-secret"


def client(address="127.0.0.1", token=None, base="http://127.0.0.1:8000"):
    asked = []

    def home(request):
        asked.append(request.url.path)
        return PlainTextResponse("inside")

    app = Starlette(routes=[Route("/", home), Route("/events", home)])
    made = Client(Guard(app, address, token), base)
    made.asked = asked
    return made


class TestHost:
    @pytest.mark.parametrize(
        "host", ["127.0.0.1:8000", "localhost:8000", "LOCALHOST:1", "[::1]:8000", "127.0.0.1", "127.9.9.9:80"]
    )
    def test_names_of_this_machine_alone(self, host):
        assert client().get("/", headers={"Host": host}).status_code == 200

    @pytest.mark.parametrize(
        "host",
        [
            "evil.example:8000", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8000", "",
            "10.0.0.7:8000", "localhost:8000@evil.example", "127.0.0.1:8000:80", "[::1", "2130706433",
        ],
    )  # fmt: skip
    def test_names_that_another_site_can_have(self, host):
        found = client()
        assert found.get("/", headers={"Host": host}).status_code == 403
        assert found.asked == []

    def test_an_address_for_others_is_meant_by_its_digits_or_its_name(self):
        found = client("desk.example", TOKEN)
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        for host, status in (("10.0.0.7:8000", 200), ("desk.example:8000", 200), ("evil.example", 403)):
            assert found.get("/", headers={"Host": host, **bearer}).status_code == status

    def test_several_hosts_are_refused(self):
        found = client()
        headers = [("Host", "127.0.0.1:8000"), ("Host", "evil.example")]
        assert found.get("/", headers=headers).status_code == 403


class TestOrigin:
    @pytest.mark.parametrize(
        ("origin", "status"),
        [
            ("http://127.0.0.1:8000", 200), ("https://127.0.0.1:8000", 200), ("http://127.0.0.1:9000", 403),
            ("http://evil.example", 403), ("null", 403), ("", 403), ("http://[", 403),
        ],
    )  # fmt: skip
    def test_only_the_page_itself(self, origin, status):
        assert client().get("/events", headers={"Origin": origin}).status_code == status

    @pytest.mark.parametrize(
        ("site", "mode", "status"),
        [
            ("same-origin", "cors", 200), ("none", "navigate", 200), ("cross-site", "navigate", 200),
            ("cross-site", "no-cors", 403), ("same-site", "cors", 403),
        ],
    )  # fmt: skip
    def test_what_another_page_embeds_is_refused_and_its_links_are_not(self, site, mode, status):
        headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode}
        assert client().get("/", headers=headers).status_code == status


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE"])
def test_get_only(method):
    found = client()
    answer = found.request(method, "/")
    assert (answer.status_code, answer.headers["allow"], found.asked) == (405, "GET", [])


class TestHeaders:
    @pytest.mark.parametrize("path", ["/", "/events", "/no/such"])
    @pytest.mark.parametrize("host", ["localhost", "evil.example"])
    def test_every_answer_is_private(self, path, host):
        headers = client().get(path, headers={"Host": host}).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["connect-src"] == "'self'"
        assert policy["frame-ancestors"] == "'none'"
        assert "access-control-allow-origin" not in headers


class TestToken:
    def test_without_it_nothing_is_answered(self):
        found = client("0.0.0.0", TOKEN)
        for path in ("/", "/events"):
            assert found.get(path).status_code == 401
        assert found.asked == []

    def test_shown_once_it_becomes_a_cookie_that_scripts_cannot_read(self):
        found = client("0.0.0.0", TOKEN)
        answer = found.get("/", params={"token": TOKEN})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"]
        assert TOKEN not in cookie
        assert "HttpOnly" in cookie
        assert "samesite=lax" in cookie.lower()
        assert found.get("/events").text == "inside"

    def test_it_leads_nowhere_else(self):
        answer = client("0.0.0.0", TOKEN).get("http://127.0.0.1:8000//evil.example/", params={"token": TOKEN})
        assert answer.headers["location"] == "/"

    @pytest.mark.parametrize("token", ["", TOKEN[:-1], TOKEN + "x", "ü", "\udcff"])
    def test_a_wrong_one(self, token):
        found = client("0.0.0.0", TOKEN)
        query = "/?token=" + (token if token.isascii() else "%FF")
        assert found.get(query).status_code == 401
        assert (
            found.get("/", headers={"Authorization": b"Bearer " + token.encode(errors="replace")}).status_code
            == 401
        )
        found.cookies.set(COOKIE, token if token.isascii() else "x")
        assert found.get("/").status_code == 401
        assert found.asked == []

    def test_as_a_bearer(self):
        found = client("0.0.0.0", TOKEN)
        assert found.get("/", headers={"Authorization": f"Bearer {TOKEN}"}).text == "inside"

    def test_on_this_machine_it_counts_too(self):
        assert client(token=TOKEN).get("/").status_code == 401


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("desk", False),
    ],
)
def test_is_local(address, local):
    assert is_local(address) is local
