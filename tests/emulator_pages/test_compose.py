"""Mails as Outlook writes them."""

import base64
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest

from emulator.cast import seed_mails
from emulator.outlook.compose import Draft, File, as_paragraphs, write_mail
from emulator.reading import plain_text, read_mail

NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def written(**given: Any) -> EmailMessage:
    fields = {
        "sender": ("Maria", "maria@ct.gov"),
        "to": [("", "rosa@example.com")],
        "subject": "x",
        "html": "<p>Hi</p>",
    }
    mail = message_from_bytes(write_mail(Draft(**(fields | given)), NOW), policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def types(mail: EmailMessage) -> list[str]:
    return [part.get_content_type() for part in mail.walk()]


def test_a_mail_without_files_is_an_alternative() -> None:
    assert types(written()) == ["multipart/alternative", "text/plain", "text/html"]


def test_files_and_pictures_nest_as_in_outlook() -> None:
    files = [File("a.pdf", "application/pdf", b"%PDF"), File("i.png", "image/png", PICTURE, "i@x")]
    assert types(written(files=files)) == [
        "multipart/mixed", "multipart/related", "multipart/alternative", "text/plain", "text/html", "image/png",
        "application/pdf",
    ]  # fmt: skip


def test_a_pasted_picture_becomes_a_part_named_in_the_html() -> None:
    source = f'<p>Look <img src="data:image/png;base64,{base64.b64encode(PICTURE).decode()}"></p>'
    mail = written(html=source)
    [picture] = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    html = next(part for part in mail.walk() if part.get_content_type() == "text/html").get_content()
    assert picture.get_content() == PICTURE
    assert f'src="cid:{picture["Content-ID"].strip("<>")}"' in html
    assert "data:image" not in html


@pytest.mark.parametrize("name", ["plan.pdf", "Größe & Maß.pdf", "申請書.pdf", "a" * 120 + ".pdf", 'quo"te.pdf'])
def test_a_file_keeps_name_and_bytes(name: str) -> None:
    content = bytes(range(256)) * 5
    mail = written(files=[File(name, "application/pdf", content)])
    [leaf] = read_mail(mail.as_bytes()).files
    assert (leaf.name, leaf.content) == (name, content)


def test_foreign_letters_stand_in_header_and_body() -> None:
    mail = written(
        sender=("José Ñandú", "jose@ct.gov"), to=[("Jiménez, Rosa", "rosa@example.com")], subject="¿Cuándo? 日本",
        html="<p>Añ€😀</p>",
    )  # fmt: skip
    shown = read_mail(mail.as_bytes())
    assert (shown.from_.name, shown.subject) == ("José Ñandú", "¿Cuándo? 日本")
    assert [(one.name, one.address) for one in shown.to] == [("Jiménez, Rosa", "rosa@example.com")]
    assert shown.text.strip() == "Añ€😀"
    assert "Añ€😀" in shown.html


def test_every_line_ends_as_on_the_wire_and_none_is_too_long() -> None:
    mime = write_mail(next(iter(_drafts())), NOW)
    assert b"\n" not in mime.replace(b"\r\n", b"")
    assert max(len(line) for line in mime.split(b"\r\n")) <= 998


def test_a_line_break_in_the_subject_makes_no_new_field() -> None:
    assert written(subject="x\r\nBcc: eve@example.com")["Bcc"] is None


def test_an_answer_names_what_it_answers() -> None:
    mail = written(in_reply_to="<b@x>", references="<a@x>")
    assert (mail["In-Reply-To"], mail["References"]) == ("<b@x>", "<a@x> <b@x>")


def test_plain_text_has_a_line_for_each_block_and_no_style() -> None:
    html = "<style>p {x}</style><p>One&nbsp;two</p><div>three<br>four</div><script>no</script>"
    assert plain_text(html).split("\n") == ["One two", "", "three", "four"]


def test_typed_lines_are_escaped() -> None:
    assert as_paragraphs("a <b>\n") == '<p class="MsoNormal">a &lt;b&gt;</p>'


def test_the_first_mails_are_two_tagged_ones_and_an_ordinary_one() -> None:
    mails = [(sender, read_mail(mime), recipients) for sender, mime, recipients in seed_mails()]
    assert ["[secure]" in shown.subject for _, shown, _ in mails] == [True, True, False]
    assert {leaf.content[:4] for _, shown, _ in mails for leaf in shown.files} == {b"%PDF", b"\x89PNG"}
    assert all("MsoNormal" in shown.html for _, shown, _ in mails)
    assert "data:image/png" in mails[1][1].html
    assert all(recipients for *_, recipients in mails)


def _drafts() -> list[Draft]:
    long = as_paragraphs("word " * 3000)
    return [Draft(sender=("M", "m@ct.gov"), to=[("", "r@example.com")] * 60, subject="s " * 200, html=long)]
