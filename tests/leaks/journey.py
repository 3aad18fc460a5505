"""Walk mails through the whole with a planted word in every place that a person or a mail can fill."""

import asyncio
from dataclasses import dataclass, field

from emulator.cast import INTAKE
from emulator.loop.reader import Page, PortalReader
from emulator.loop.walk import files_of
from emulator.stack import Stack
from tests.leaks.planted import Planted
from tests.whole.people import Person, Tried, a_mail, folder_items, inbox, until, with_file

LIMIT = 400_000


@dataclass
class Journey:
    """Who plays, what was planted, and the walk itself."""

    stack: Stack
    planted: Planted = field(default_factory=Planted)
    downloaded: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        plant = self.planted
        self.sender = f"{plant('sender address')}@ct.gov"
        self.colleague = f"{plant('colleague address')}@ct.gov"
        self.hidden = Person(self.stack, f"{plant('blind copy address')}@example.org")
        self.bob = Person(
            self.stack,
            f"{plant('recipient address')}@example.com",
            first=plant("first name"),
            last=plant("last name", "é"),
            password=f"{plant('password')} {plant('password, its end')}",
            hint=f"the {plant('hint')} one",
        )
        exchange = self.stack.tenant.exchange
        exchange.add_mailbox(self.sender, f"Worker {plant('sender name')}")
        exchange.add_mailbox(self.colleague, f"Worker {plant('colleague name')}")

    async def walk(self) -> None:
        """Do everything; what goes wrong is an AssertionError or a TimeoutError."""
        page = await self._arrive()
        await self._read(page)
        await self._answer(page)
        await self._fail(page)
        await self._refused()
        await self._too_big()
        await until(lambda: len(self.hidden.notices) == 1)
        await self._remember_tokens()
        await asyncio.sleep(0.5)

    async def close(self) -> None:
        for person in (self.bob, self.hidden):
            await person.browser.close()

    async def _arrive(self) -> Page:
        plant = self.planted
        to = f"{plant('recipient name')} Rivera <{self.bob.address}>"
        subject = f"[secure] About {plant('subject')} and =?utf-8?Q?{plant('subject, second word')}=C3=B1?="
        mail = a_mail(subject, to=to, Cc=self.colleague, body=f"Text {plant('text', 'ö')} here")
        html = f"<p>Markup <b>{plant('markup')}</b></p>".encode()
        mail = with_file(mail, f"{plant('file name')}.pdf", f"of {plant('file')} ".encode() * 3000, "application/pdf")

        sent = [self.bob.address, self.colleague, self.hidden.address]
        await self.stack.tenant.exchange.submit(self.sender, mail, sent)
        as_html = a_mail(f"[secure] {plant('second subject')}", to=to, body=html.decode())
        as_html = as_html.replace(b"text/plain", b"text/html")
        await self.stack.tenant.exchange.submit(self.sender, as_html, [self.bob.address])
        await until(lambda: len(self.bob.notices) == 2)
        self.bob.seen = 2
        notice = next(text for text in self.bob.notices if plant("subject") in text)
        return await self.bob.register(notice, wrong_code="000000")

    async def _read(self, page: Page) -> None:
        browser = self.bob.browser
        for address in (page.frames[0], *(link for link, _ in page.links if "/file/" in link or link.endswith(".eml"))):
            answer = await browser.http.get(address)
            assert answer.status_code == 200
            self.downloaded.append(answer.content)
            assert self.planted("text") in answer.text or self.planted("file") in answer.text
        for path in ("/inbox", "/sent", "/drafts", "/password", "/help"):
            assert (await browser.open(f"{browser.portal}{path}")).status == 200

    async def _answer(self, page: Page) -> None:
        plant = self.planted
        name, content = f"{plant('reply file name')}.bin", f"in {plant('reply file')} ".encode() * 8000
        typed = {"text": f"My {plant('draft text', 'ü')}", "subject": f"RE: {plant('reply subject')}"}
        page_ = await self.bob.answer(page, typed, [Tried(name, content)], do="save")
        assert page_.status == 200
        typed |= {"text": f"My {plant('reply text', 'ü')}"}
        form = next(form for form in page_.forms if form.is_multipart)
        fields = [(name, (None, value.encode())) for name, value in ({**form.fields, **typed}).items()]
        answer = await self.bob.browser.http.post(form.action, files=[*fields, ("do", (None, b"send"))])
        assert answer.status_code == 200
        await until(lambda: any(content in files_of(item.mime) for item in inbox(self.stack, self.sender)))

    async def _fail(self, page: Page) -> None:
        """What people do wrong: an upload that breaks off, one that is too big, a sign-in that is none."""
        plant = self.planted
        big = Tried(f"{plant('too big file name')}.bin", f"{plant('too big file')} ".encode() * 60_000)
        answered = await self.bob.answer(page, {"text": plant("text beside too big file")}, [big])
        assert answered.status == 422
        await self._break_off(page)
        stranger = PortalReader(self.stack.portal_url, "")
        form = (await stranger.open(f"{stranger.portal}/sign-in")).form("/sign-in")
        typed = {"email": f"{plant('unknown address')}@example.com", "password": plant("unknown password")}
        assert (await stranger.press(form, typed)).status == 401
        typed = {"email": self.bob.address, "password": plant("wrong password")}
        assert (await stranger.press(form, typed)).status == 401
        lost = f"{stranger.portal}/d/{plant('forged link')}?{plant('query')}=1"
        assert (await stranger.open(lost)).status == 404
        await stranger.close()

    async def _break_off(self, page: Page) -> None:
        browser, plant = self.bob.browser, self.planted
        address = next(link for link, _ in page.links if link.endswith("/reply"))
        form = next(form for form in (await browser.open(address)).forms if form.is_multipart)
        fields = "".join(
            f'--cut\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in form.fields.items()
        )
        name = f"{plant('broken file name')}.bin"
        body = f'{fields}--cut\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
        body += f"{plant('broken file')} " * 15_000
        cookies = "; ".join(f"{one}={value}" for one, value in browser.http.cookies.items())
        head = [f"POST {httpx_path(form.action)} HTTP/1.1", f"Host: localhost:{self.stack.ports.portal}"]
        head += [f"Cookie: {cookies}", "Sec-Fetch-Site: same-origin", "Content-Length: 390000"]
        head += ["Content-Type: multipart/form-data; boundary=cut", "", ""]
        _, writer = await asyncio.open_connection("127.0.0.1", self.stack.ports.portal)
        writer.write("\r\n".join(head).encode() + body.encode())
        await writer.drain()
        await asyncio.sleep(0.5)
        writer.close()
        await writer.wait_closed()
        await asyncio.sleep(0.5)

    async def _refused(self) -> None:
        mail = a_mail(f"[secure] {self.planted('refused subject')}", body=self.planted("refused text"))
        await self.stack.tenant.exchange.submit(self.sender, mail, [INTAKE])
        await until(lambda: folder_items(self.stack, INTAKE, "Refused"))

    async def _too_big(self) -> None:
        plant = self.planted
        mail = a_mail(f"[secure] {plant('subject of the too big')}", to=self.bob.address, body=plant("too big text"))
        mail = with_file(
            mail, f"{plant('name in the too big')}.bin", f"{plant('file in the too big')} ".encode() * 40_000
        )
        before = len(inbox(self.stack, self.sender))
        await self.stack.tenant.exchange.submit(self.sender, mail, [self.bob.address])
        await until(
            lambda: any("Not Delivered" in item.subject for item in inbox(self.stack, self.sender)[before:]),
        )

    async def _remember_tokens(self) -> None:
        """What opens a door is a secret too: links, cookies, the proof in forms."""
        for number, text in enumerate([*self.bob.notices, *self.hidden.notices]):
            self.planted.tokens[f"link {number}"] = text.partition("/d/")[2][:43]
        for name, value in self.bob.browser.http.cookies.items():
            self.planted.tokens[f"cookie {name}"] = value
        page = await self.bob.browser.open(f"{self.bob.browser.portal}/password")
        self.planted.tokens["form proof"] = page.form("/password").fields["csrf"]


def httpx_path(address: str) -> str:
    return "/" + address.split("/", 3)[3]
