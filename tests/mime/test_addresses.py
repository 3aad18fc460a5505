import pytest

from service.core.sheet import Person
from service.mime.addresses import read_addresses

ROWS: list[tuple[bytes | str, list[tuple[str, str]]]] = [
    ("", []),
    (" , ,; ", []),
    ("a@b.c", [("", "a@b.c")]),
    ("<a@b.c>", [("", "a@b.c")]),
    ("Jane Doe <j@d.e>", [("Jane Doe", "j@d.e")]),
    ('"Doe, Jane" <j@d.e>', [("Doe, Jane", "j@d.e")]),
    ("Doe, Jane <j@d.e>", [("Doe, Jane", "j@d.e")]),
    ("Doe, Jane <j@d.e>, x@y.z", [("Doe, Jane", "j@d.e"), ("", "x@y.z")]),
    ("a@b.c,", [("", "a@b.c")]),
    ("a@b.c;d@e.f", [("", "a@b.c"), ("", "d@e.f")]),
    ("undisclosed-recipients:;", []),
    ("unlisted-recipients:; (no To-header on input)", []),
    ("x:;a", [("", "a")]),
    ("Team: a@b.c, D <d@e.f>; x@y.z", [("", "a@b.c"), ("D", "d@e.f"), ("", "x@y.z")]),
    ("a(comm)@b", [("comm", "a@b")]),
    ("(c) a@b", [("c", "a@b")]),
    ("a@b (Jane (x) Doe)", [("Jane (x) Doe", "a@b")]),
    ("<@a,@b:c@d>", [("", "c@d")]),
    ("<<a@b>>", [("", "a@b")]),
    ("J D [mailto:j@x]", [("J D", "j@x")]),
    ("<mailto:j@x>", [("", "j@x")]),
    ('"a@ct.gov" <b@evil>', [("a@ct.gov", "b@evil")]),
    ("alice@example.org <bob@evil>", [("alice@example.org", "bob@evil")]),
    ("=?utf-8?q?a=40ct.gov=3E=2C?= <b@evil>", [("a@ct.gov>,", "b@evil")]),
    ("=?utf-8?q?a=2C_b=40c?=", [("", "=?utf-8?q?a=2C_b=40c?=")]),
    ("MAILER-DAEMON", [("", "MAILER-DAEMON")]),
    ("/O=EXCH/OU=X/CN=RECIPIENTS/CN=JANE", [("", "/O=EXCH/OU=X/CN=RECIPIENTS/CN=JANE")]),
    ("IMCEAEX-_O=EXCH_CN=J@ct.gov", [("", "IMCEAEX-_O=EXCH_CN=J@ct.gov")]),
    ("Jörg <jörg@köln.example>", [("Jörg", "jörg@köln.example")]),
    (b"J\xf6rg <j@x>", [("Jörg", "j@x")]),
    ('"', []),
    ('"open <a@b>', [("", "open <a@b>")]),
    ("a@[", [("", "a@[")]),
    ("<a@[b>", [("", "a@[b")]),
    ("a@[1.2.3.4]", [("", "a@[1.2.3.4]")]),
    ("'j@x' <j@x>", [("'j@x'", "j@x")]),
    ("John Doe.<j@x>", [("John Doe.", "j@x")]),
    (".name <a@b>", [(".name", "a@b")]),
    ("J <a@b", [("J", "a@b")]),
    ("J <a@b, c@d", [("J", "a@b"), ("", "c@d")]),
    ("<>", [("", "")]),
    ('"a b"@c.d', [("", '"a b"@c.d')]),
    ('"alice@ct.gov"@evil.com', [("", '"alice@ct.gov"@evil.com')]),
    ("alice@example.org)bob@evil.com", [("", "alice@example.org)bob@evil.com")]),
    ("=?utf-8?b?w6k=?= =?utf-8?b?w6k=?= <a@b>", [("éé", "a@b")]),
    ("=?utf-8?q?A=0D=0ABcc:_e=40x?= <a@b>", [("A Bcc: e@x", "a@b")]),
    ("\u202eevil\u200b <a@b>", [("evil", "a@b")]),
    ("a @ b.c", [("", "a@b.c")]),
]


@pytest.mark.parametrize(("value", "expected"), ROWS)
def test_addresses_as_real_mails_have_them(value, expected):
    assert read_addresses(value) == [Person(name, address) for name, address in expected]


@pytest.mark.parametrize("value", ["(" * 60000, "<" * 60000, ":" * 60000, '"' * 60001, "a," * 32000, "a@b," * 15000])
def test_a_hostile_list_is_read_and_bounded(value):
    assert len(read_addresses(value)) <= 2000


def test_one_flaw_never_hides_the_others():
    found = read_addresses('a@b.c, "broken <x, d@e.f')
    assert found[0] == Person("", "a@b.c")
    found = read_addresses("a@b.c, (open, d@e.f")
    assert found[0] == Person("", "a@b.c")
