import pytest

from service.core.addresses import BadAddress, InsideDomains, form_of, masked, normal_form

INSIDE = InsideDomains.of(["ct.gov", "po.state.ct.us"])


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("Rosa.Jimenez@Example.COM", "rosa.jimenez@example.com"),
        (" a@b.c ", "a@b.c"),
        ("a+b@b.c", "a+b@b.c"),
        ("a@bücher.example", "a@xn--bcher-kva.example"),
        ("a@XN--BCHER-KVA.example", "a@xn--bcher-kva.example"),
        ("a@ct。gov", "a@ct.gov"),
        ("o'neil@example.org", "o'neil@example.org"),
        ("l" * 64 + "@example.org", "l" * 64 + "@example.org"),
    ],
)
def test_addresses_compare_in_one_form(given: str, normal: str) -> None:
    assert normal_form(given) == normal


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "a",
        "@b.c",
        "a@",
        "a@b..c",
        ".a@b.c",
        "a..b@b.c",
        '"a b"@b.c',
        "a@[127.0.0.1]",
        "a b@b.c",
        "a@b.c\nBcc: x@y.z",
        "a\x00@b.c",
        "l" * 65 + "@example.org",
        "a@" + "d" * 64 + ".org",
        "é@example.org",
        "a@-b.c",
    ],
)
def test_what_cannot_be_read_is_refused(bad: str) -> None:
    with pytest.raises(BadAddress):
        normal_form(bad)
    assert form_of(bad) == ""
    assert not INSIDE.holds(bad)


@pytest.mark.parametrize("inside", ["a@ct.gov", "A@CT.GOV", "b@po.state.ct.us", "a@ct。gov"])
def test_inside(inside: str) -> None:
    assert INSIDE.holds(inside)


@pytest.mark.parametrize(
    "outside",
    [
        "a@example.com",
        "a@dss.ct.gov",
        "a@ct.gov.example.com",
        "a@notct.gov",
        "a@\u0441t.gov",  # a Cyrillic letter
        '"a@ct.gov"@evil.com',
        "a@state.ct.us",
    ],
)
def test_outside(outside: str) -> None:
    assert not INSIDE.holds(outside)


def test_subdomains_count_only_by_the_flag() -> None:
    with_subdomains = InsideDomains.of(["ct.gov"], with_subdomains=True)
    assert with_subdomains.holds("a@dss.ct.gov")
    assert not with_subdomains.holds("a@evilct.gov")


@pytest.mark.parametrize(
    ("address", "shown"), [("rosa@example.com", "r•••a@example.com"), ("ab@c.d", "a•••@c.d"), ("a@c.d", "a•••@c.d")]
)
def test_masked_addresses_tell_little(address: str, shown: str) -> None:
    assert masked(address) == shown
