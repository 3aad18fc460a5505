"""Words and lines of the current service's mails that people know (docs/promises.md, 16 to 20 and 28 to 34)."""

import pytest

from tests.letters.builders import Post
from tests.letters.test_compose import LINK, a_notice, a_receipt


async def test_the_receipt_has_the_guides_words_and_block(post: Post) -> None:
    mail = await a_receipt(post)
    assert mail.subject == "Secure Message Sent"
    for said in (mail.text, mail.html):
        assert "This is an informational message." in " ".join(said.split())
        assert "MESSAGE DETAILS" in said
        places = [said.index(label) for label in ("TO", "CC", "BCC", "SUBJECT", "ATTACHMENTS", "SENT", "REFERENCE")]
        assert min(places) > 0
        assert "09/22/2026 08:22:37 EDT" in said
        assert "This is an automatically generated email, please do not reply" in said
    labels = [line.partition(":")[0] for line in mail.text.splitlines() if line[:1].isupper() and ":" in line[:14]]
    assert [one for one in labels if one.isupper()] == [
        "TO",
        "CC",
        "BCC",
        "SUBJECT",
        "ATTACHMENTS",
        "SENT",
        "ONLINE UNTIL",
        "REFERENCE",
    ]


@pytest.mark.parametrize("account", ["", "en"])
async def test_the_notice_has_the_guides_words(post: Post, account: str) -> None:
    mail = await a_notice(post, account=account)
    assert mail.text.startswith("SECURE MESSAGE DELIVERY")
    assert "Secure Message Delivery" in mail.html
    assert "Maria Delgado at the State of Connecticut sent you a secure message." in mail.text
    assert "From:          Maria Delgado, maria.delgado@ct.gov" in mail.text
    assert "Subject:       [secure] Your benefits review" in mail.text
    assert "Online until:  October 22, 2026, 8:22 AM (Eastern time)" in mail.text
    assert f"View your Secure Email:\n{LINK}" in mail.text
    assert "Best.Helpdesk@ct.gov" in mail.text
    assert "Reference: 7K4M-2QX9" in " ".join(mail.text.split())
    assert "password" in mail.text
