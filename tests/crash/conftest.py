"""The same small Microsoft 365 as in the tests of `graph_sync`."""

from tests.graph_sync.conftest import certificates, tenant, world

__all__ = ["certificates", "tenant", "world"]
