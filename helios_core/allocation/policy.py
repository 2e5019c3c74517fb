"""What decides besides the request: what is promised, the rules in force, and what each owner may hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from helios_core.allocation.ledger import Ledger, owned_mib
from helios_core.allocation.requests import Request, Shape
from helios_core.allocation.rules import Rule


@dataclass(slots=True)
class Policy:
    """The ledger, the rules with the highest priority first, and quotas in MiB by owner."""

    ledger: Ledger
    rules: tuple[Rule, ...] = ()
    quotas_mib: Mapping[int | None, int] = field(default_factory=dict)

    def rules_about(self, request: Request) -> tuple[Rule, ...]:
        """The rules that say something about the request, the highest priority first."""
        return tuple(rule for rule in self.rules if rule.is_about(request)) if self.rules else ()

    def is_within_quota(self, request: Request, shape: Shape) -> bool:
        """Whether the owner may be promised this much more."""
        left = self.quota_left_mib(request)
        return left is None or owned_mib(shape) <= left

    def quota_left_mib(self, request: Request) -> int | None:
        """What the owner may still be promised; None where nothing limits it."""
        quota = self.quotas_mib.get(request.owner) if self.quotas_mib else None
        return None if quota is None else quota - self.ledger.promised_to_owner_mib.get(request.owner, 0)
