"""Accounts, one a row."""

from collections.abc import Sequence

from dashboard.components.opening import linked, target
from dashboard.render import date_and_time, short
from dashboard.theme import sign
from helios_core.views.users import Account

ENABLED = {True: "Helios on", False: "Helios off"}


def account_list(accounts: Sequence[Account], selected: str | None) -> None:
    """Show `accounts`; one opens in the form."""
    linked("account_list", "accounts", [_row(account, selected) for account in accounts], stays=True)


def _known_as(account: Account) -> list[str]:
    """The names below the one that is shown: the account's, where that is another, and the address."""
    return [*([account.username] if account.display_name else []), *([account.email] if account.email else [])]


def _row(account: Account, selected: str | None) -> dict[str, object]:
    return {
        "key": account.id,
        "name": short(account.display_name or account.username, 60),
        "email": short(" · ".join(_known_as(account)), 120),
        "role": account.role,
        "enabled": f"{ENABLED[account.is_enabled]} · {account.why}",
        "since": f"since {date_and_time(account.created_at)}",
        "sign": sign("active" if account.is_active else "switched_off").data,
        "is_selected": str(account.id) == selected,
        "target": target("settings", tab="Users", user=account.id),
    }
