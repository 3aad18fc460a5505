"""One mail address: its normal form, and whether it is inside the state.

Stricter than RFC 5322 on purpose (facts: no quoted local part, no comment, no literal, no route):
an address that cannot be read is never guessed at.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

import idna

LOCAL_LONGEST = 64
DOMAIN_LONGEST = 253
NOBODY = "nobody@invalid.invalid"
"""Looked up where an address cannot be read, so that this takes as long."""
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class BadAddress(ValueError):
    """This is not a mail address that we can use."""


@dataclass(frozen=True, slots=True)
class InsideDomains:
    """The accepted domains of the tenant; `with_subdomains` counts their subdomains as inside too."""

    domains: frozenset[str]
    with_subdomains: bool = False

    @classmethod
    def of(cls, domains: Iterable[str], *, with_subdomains: bool = False) -> "InsideDomains":
        return cls(frozenset(_a_label(domain) for domain in domains), with_subdomains)

    def holds(self, address: str) -> bool:
        """Say whether the address is inside; what cannot be read is outside."""
        try:
            domain = normal_form(address).rpartition("@")[2]
        except BadAddress:
            return False
        if domain in self.domains:
            return True
        return self.with_subdomains and any(domain.endswith("." + inside) for inside in self.domains)


def normal_form(address: str) -> str:
    """Return the form that addresses are compared in, all ASCII: lower-case local part, domain as lower-case A-labels.

    No folding of `+` or dots. Raises BadAddress.
    """
    text = unicodedata.normalize("NFC", address.strip())
    local, at, domain = text.rpartition("@")
    if not at or not local or len(local) > LOCAL_LONGEST or not _LOCAL.fullmatch(local):
        raise BadAddress("the part before the @ cannot be read")
    return f"{local.lower()}@{_a_label(domain)}"


def form_of(address: str) -> str:
    """Return the same; empty where the address cannot be read."""
    try:
        return normal_form(address)
    except BadAddress:
        return ""


def masked(address: str) -> str:
    """Show an address so that its owner knows it and nobody learns it: `r•••z@example.com`."""
    local, _, domain = address.rpartition("@")
    tail = local[-1] if len(local) > 2 else ""
    return f"{local[:1]}•••{tail}@{domain}"


def _a_label(domain: str) -> str:
    try:
        ascii_domain = idna.encode(domain.lower().rstrip(".") if domain.isascii() else domain, uts46=True).decode()
    except (idna.IDNAError, UnicodeError) as exc:
        raise BadAddress("the part after the @ cannot be read") from exc
    ascii_domain = ascii_domain.lower()
    labels = ascii_domain.split(".")
    if len(ascii_domain) > DOMAIN_LONGEST or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadAddress("the part after the @ cannot be read")
    return ascii_domain
