"""Who may do what: one table, which every service asks before it changes anything.

What somebody may read is decided by the database's own policies, row by row.
"""

from collections.abc import Mapping
from enum import StrEnum

from sqlalchemy.orm import Session

from helios_core.database.session import Role, principal_of
from helios_core.errors import NotAllowed


class Action(StrEnum):
    """What somebody may want to do; its value goes on after "may"."""

    EDIT_CONFIGURATIONS = "edit configurations"
    """An operator what holds for all users, a user their own beside it."""
    ADD_AGENTS = "add agents"
    IMPORT_CONVERSATIONS = "import conversations"
    WORK_IN_CONVERSATIONS = "work in conversations"
    """Attach a chat, announce, remember, check: what a team at work leaves on the platform."""
    PUT_FIRST = "put a conversation before those of others"
    ACKNOWLEDGE_ALERTS = "acknowledge alerts"
    RATE_ANSWERS = "rate answers"
    REMOVE_CONVERSATIONS = "remove conversations"
    REMOVE_SAMPLES = "remove samples"
    EDIT_PROFILE = "edit their profile"
    KEEP_KEYS = "make or revoke keys"
    """Their own; those of others go with EDIT_USERS."""
    EDIT_CARDS = "change cards"
    EDIT_RULES = "edit load-balancing rules"
    EDIT_CONSTRAINTS = "edit constraints of models"
    MOVE_AGENTS = "move agents between cards"
    """By plans, also agents of others; a user's own go with EDIT_CONFIGURATIONS."""
    EDIT_QUOTAS = "say how much memory a user's agents may have"
    TAKE_LEASES = "take memory of a card for a while"
    EDIT_ACTIVATION = "switch Helios on or off for users"
    EDIT_RETENTION = "say how long data is kept"
    DELETE_EXPIRED = "delete expired data"
    EDIT_PROVIDERS = "say which model servers are asked, and give their keys"
    EDIT_USERS = "add users or change what they may do"


ADMINS: frozenset[Role] = frozenset({"admin"})
OPERATORS: frozenset[Role] = ADMINS | {"operator"}
WRITERS: frozenset[Role] = OPERATORS | {"user"}

ALLOWED: Mapping[Action, frozenset[Role]] = {
    Action.EDIT_CONFIGURATIONS: WRITERS,
    Action.ADD_AGENTS: OPERATORS,
    Action.IMPORT_CONVERSATIONS: WRITERS,
    Action.WORK_IN_CONVERSATIONS: WRITERS,
    Action.PUT_FIRST: OPERATORS,
    Action.ACKNOWLEDGE_ALERTS: WRITERS,
    Action.RATE_ANSWERS: WRITERS,
    Action.REMOVE_CONVERSATIONS: WRITERS,
    Action.REMOVE_SAMPLES: WRITERS,
    Action.EDIT_PROFILE: WRITERS,
    Action.KEEP_KEYS: WRITERS,
    Action.EDIT_CARDS: OPERATORS,
    Action.EDIT_RULES: OPERATORS,
    Action.EDIT_CONSTRAINTS: OPERATORS,
    Action.MOVE_AGENTS: OPERATORS,
    Action.EDIT_QUOTAS: OPERATORS,
    Action.TAKE_LEASES: WRITERS,
    Action.EDIT_ACTIVATION: OPERATORS,
    Action.EDIT_RETENTION: OPERATORS,
    Action.DELETE_EXPIRED: OPERATORS,
    Action.EDIT_PROVIDERS: OPERATORS,
    Action.EDIT_USERS: ADMINS,
}
"""The roles that may do each action. Viewers only read."""


def may(role: Role, action: Action) -> bool:
    """Whether `role` allows `action`; pages ask it to hide what would be refused."""
    return role in ALLOWED[action]


def require(session: Session, action: Action) -> None:
    """Raise NotAllowed where the principal's role does not allow `action`."""
    role = principal_of(session).role
    if not may(role, action):
        helper = "operator" if may("operator", action) else "admin"
        message = f"{role.capitalize()}s may not {action}; ask an {helper}."
        raise NotAllowed(message)
