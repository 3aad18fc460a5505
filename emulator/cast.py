"""Who plays: staff of two agencies, people outside, and the first mails of the demo."""

import struct
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime

from emulator.exchange.transport import Exchange
from emulator.outlook.compose import Draft, File, as_paragraphs, write_mail

INTAKE = "secure-intake@ct.gov"
MAILER = "safemail@ct.gov"
MAILER_NAME = "Safemail, State of Connecticut"

MARIA = ("Maria Delgado", "maria.delgado@ct.gov")
JAMES = ("James Okafor", "james.okafor@ct.gov")
ANNA = ("Anna Kowalski", "anna.kowalski@po.state.ct.us")
RUTH = ("Ruth Chen", "ruth.chen@ct.gov")
STAFF = {
    MARIA: "Department of Social Services",
    RUTH: "Department of Social Services",
    JAMES: "Department of Housing",
    ANNA: "Department of Housing",
}

ROSA = ("Rosa Jiménez", "rosa.jimenez@example.com")
LIAM = ("Liam Baptiste", "l.baptiste@example.org")
PAT = ("Pat Rivera", "pat.rivera@example.net")
OUTSIDE = (ROSA, LIAM, PAT)


def people(exchange: Exchange) -> None:
    """Give everybody a mailbox; those of the service lie in the app's scope."""
    exchange.add_mailbox(INTAKE, "Secure Intake", in_app_scope=True)
    exchange.add_mailbox(MAILER, MAILER_NAME, in_app_scope=True)
    for name, address in STAFF:
        exchange.add_mailbox(address, name)
    for _name, address in OUTSIDE:
        exchange.outside_mailbox(address)


def seed_mails() -> Iterator[tuple[str, bytes, list[str]]]:
    """Yield sender, mail and envelope recipients of what was sent before anybody looks."""
    for draft in (_benefits_review(), _inspection(), _plain_reminder()):
        recipients = [address for _, address in (*draft.to, *draft.cc, *draft.bcc)]
        yield draft.sender[1], write_mail(draft, datetime.now(UTC)), recipients


def _benefits_review() -> Draft:
    text = """Good morning, Ms. Jiménez.

Thank you for the first part of your review. Two papers are still missing: the pay stubs for August, and the page of \
the household list with your signature. The form is attached; you can fill it in on the screen or by hand.

Answer this message and add the papers to it. A photo taken with a phone is fine if the words can be read.

If we have them within two weeks, nothing changes for you.

Maria Delgado
Eligibility Worker, Department of Social Services
(860) 555-0142"""
    rows = [("<b>Paper</b>", "<b>We have it</b>"), ("Pay stubs, June and July", "Yes")]
    rows += [
        (paper, '<span style="color:#B50909">No</span>') for paper in ("Pay stubs, August", "Household list, signed")
    ]
    cells = "".join(
        f'<tr><td><p class="MsoNormal">{paper}</p></td><td><p class="MsoNormal">{state}</p></td></tr>'
        for paper, state in rows
    )
    table = (
        '<p class="MsoNormal"><o:p>&nbsp;</o:p></p><table class="MsoTableGrid" border="1" cellspacing="0" '
        f'cellpadding="4" style="border-collapse:collapse;border:none">{cells}</table>'
    )
    form = _pdf(["Household list", "Name      Date of birth      Relation", "Signature ____________________"])
    return Draft(
        sender=MARIA,
        to=[ROSA],
        cc=[RUTH],
        subject="[secure] Your benefits review: two papers we still need",
        html=as_paragraphs(text) + table,
        files=[
            File("Household list.pdf", "application/pdf", form),
            File("How to photograph a paper.png", "image/png", _picture(480, 300)),
        ],
    )


def _inspection() -> Draft:
    text = """Dear Mr. Baptiste,

The inspector was there on Thursday. The report is attached. Two things must be repaired before the lease can start: \
the smoke alarm on the second floor and the rail of the back stairs.

The landlord has until the end of next week. We will look again on the Monday after, between 9 and 11 AM.

Below is the place on the plan:"""
    report = _pdf(
        ["Inspection report", "14 Elm Street, second floor", "Smoke alarm: does not sound", "Back stairs: rail"]
    )
    picture = '<p class="MsoNormal"><img width="320" height="200" src="cid:image001.plan" alt="Plan"></p>'
    return Draft(
        sender=JAMES,
        to=[LIAM],
        bcc=[PAT],
        subject="Inspection report for 14 Elm Street [secure]",
        html=as_paragraphs(text) + picture + as_paragraphs("\nJames Okafor\nDepartment of Housing"),
        files=[
            File("image001.png", "image/png", _picture(320, 200), "image001.plan"),
            File("Inspection report 14 Elm Street.pdf", "application/pdf", report),
        ],
    )


def _plain_reminder() -> Draft:
    text = """Hello Rosa,

Our office on Main Street is closed on Friday. Nothing private in this mail, so it comes the usual way.

Maria Delgado"""
    return Draft(sender=MARIA, to=[ROSA], subject="Office closed on Friday", html=as_paragraphs(text))


def _pdf(lines: list[str]) -> bytes:
    """Write one page with a few lines on it."""
    words = " ".join(f"({line}) ' " for line in lines)
    stream = f"BT /F1 18 Tf 72 720 Td 28 TL {words}ET".encode("latin-1", "replace")
    fonts = b"<< /Font << /F1 4 0 R >> >>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 5 0 R /Resources %s >>" % fonts,
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
    ]
    written, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(written)
    written += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(places) + 1, table)
    return written + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(places) + 1, start)


def _picture(width: int, height: int) -> bytes:
    """Draw a plan of sorts: rooms, walls, and one place marked."""
    rows = bytearray()
    for y in range(height):
        rows.append(0)
        for x in range(width):
            wall = x % (width // 4) < 3 or y % (height // 2) < 3 or x > width - 4 or y > height - 4
            marked = (x - width * 5 // 8) ** 2 + (y - height // 4) ** 2 < (height // 12) ** 2
            rows += (
                b"\xb5\x09\x09" if marked else b"\x16\x2e\x51" if wall else bytes((225, 235 - y * 20 // height, 245))
            )
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
