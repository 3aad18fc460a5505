"""One tenant: its Exchange, its app registration and what Entra and Graph remember."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from emulator.ca import ServerCertificate, make_client_certificate, make_server_certificate, read_certificate
from emulator.exchange.rules import RULES_FILE, RuleFile
from emulator.exchange.transport import Exchange
from emulator.graph.notify import Notifier
from emulator.graph.state import GraphState, Subscription
from emulator.world import World

TENANT_ID = "5afe3a11-0000-4000-8000-00000000c7c7"
CLIENT_ID = "5afe3a11-0000-4000-8000-0000000a9900"
TOKEN_LIFE = timedelta(seconds=3600)


@dataclass
class AppRegistration:
    """The app that calls Graph, and what it was granted."""

    client_id: str
    certificates: list[x509.Certificate]
    permissions: set[str] = field(default_factory=lambda: {"ExchangeMessageTrace.Read.All"})
    """Entra application permissions; `Mail.*` there means every mailbox."""
    may_send_as: set[str] = field(default_factory=set)
    """Mailboxes in the scope of the Exchange role Application Mail.Send."""
    app_roles: dict[str, set[str]] = field(default_factory=dict)
    """Address of a person → values of the app roles assigned to them."""
    redirect_hosts: set[str] = field(default_factory=lambda: {"localhost", "127.0.0.1", "::1"})


@dataclass
class Tenant:
    """Made by `create`."""

    world: World
    exchange: Exchange
    app: AppRegistration
    rule_file: RuleFile
    server: ServerCertificate
    tenant_id: str
    intake: str
    mailer: str
    clock: Callable[[], datetime]
    token_life: timedelta = TOKEN_LIFE
    graph: GraphState = field(default_factory=GraphState)
    signing_key: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048), repr=False
    )
    seen_assertions: dict[str, float] = field(default_factory=dict, repr=False)
    codes: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)
    """Authorization codes handed out and not yet redeemed."""
    url: str = ""
    """Where the server stands, once it does."""
    notifier: Notifier = field(init=False)

    def __post_init__(self) -> None:
        self.notifier = Notifier(self.graph, self.world, self.tenant_id, self.server.ca, self.clock)
        self.exchange.on_change.append(self.notifier.changed)

    @classmethod
    def create(
        cls,
        *,
        data: Path,
        intake: str,
        mailer: str,
        stamp_secret: str | None = None,
        world: World | None = None,
        client_certificate: Path | None = None,
        portal_host: str = "localhost",
        accepted_domains: tuple[str, ...] = ("ct.gov", "po.state.ct.us"),
        rules: Path = RULES_FILE,
        clock: Callable[[], datetime] | None = None,
    ) -> "Tenant":
        """Make a tenant whose certificates lie in `data`. Raises RuleWrong where the rules' data file is not known."""
        world = world or World()
        clock = clock or (lambda: datetime.now(UTC))
        rule_file = RuleFile.read(rules)
        values = {
            "intake": intake,
            "mailer": mailer,
            "portal": portal_host.replace(".", r"\."),
            "secret": stamp_secret or secrets.token_hex(32),
        }
        exchange = Exchange(world, rule_file.rules(values), set(accepted_domains), clock=clock)
        exchange.add_mailbox(intake, "Secure intake", in_app_scope=True, inside_only=world.intake_refuses_outsiders)
        exchange.add_mailbox(mailer, "Secure Mail", in_app_scope=True)
        certificate = client_certificate or make_client_certificate(data)
        app = AppRegistration(CLIENT_ID, [read_certificate(certificate.read_bytes())], may_send_as={mailer.lower()})
        server = make_server_certificate(data)
        return cls(world, exchange, app, rule_file, server, TENANT_ID, intake, mailer, clock)

    @property
    def client_id(self) -> str:
        return self.app.client_id

    @property
    def ca_file(self) -> Path:
        return self.server.ca

    @property
    def subscriptions(self) -> dict[str, Subscription]:
        return self.graph.subscriptions

    async def close(self) -> None:
        await self.notifier.close()
