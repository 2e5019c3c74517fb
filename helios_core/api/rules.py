"""Rules: the operators' policies of placement."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import Field
from sqlalchemy.orm import Session

from helios_core.api import etags
from helios_core.api.access import Reader, Writer
from helios_core.api.etags import IfMatch
from helios_core.api.paging import Listing, all_of
from helios_core.api.resources import Id, JsonBody, Like, Reason, Resource
from helios_core.services import rules as services
from helios_core.services.rules import RuleFields
from helios_core.views import rules as views

router = APIRouter(prefix="/rules", tags=["rules"])

EXAMPLE = {
    "name": "nights are cool",
    "strategy": "pack",
    "priority": 7,
    "conditions": {"hours": {"begin": "22:00", "end": "06:00", "timezone": "Europe/Berlin"}},
    "max_temperature_celsius": 80,
}


class Contradiction(Resource):
    """Another active rule of the same priority that may hold at once and says otherwise."""

    rule_id: int = Field(examples=[3])
    name: str = Field(examples=["spread by day"])
    sentence: str = Field(description="What to do about it.")


class Rule(Resource):
    """One rule; a limit that it does not set is null."""

    id: int = Field(examples=[2])
    name: str = Field(examples=["nights are cool"])
    description: str = Field(examples=["Fewer cards at night."])
    strategy: str = Field(description="pack, spread, least_loaded or thermal_headroom.", examples=["pack"])
    priority: int = Field(description="1 (last) to 10 (first).", examples=[7])
    is_active: bool
    is_in_force: bool = Field(description="Whether it is active, and now lies between its times.")
    conditions: dict[str, Any] = Field(description="What it is about, and when.", examples=[EXAMPLE["conditions"]])
    max_utilization_percent: int | None = Field(description="%.", examples=[90])
    max_memory_percent: int | None = Field(description="%.", examples=[85])
    max_temperature_celsius: int | None = Field(description="°C.", examples=[80])
    max_agents_per_gpu: int | None = Field(examples=[4])
    applies_plans: bool = Field(description="Whether plans for its sake are applied without asking.")
    valid_from: datetime | None = Field(examples=["2026-11-22T12:38:00Z"])
    valid_until: datetime | None = Field(examples=["2026-12-22T12:38:00Z"])
    created_at: datetime = Field(examples=["2026-11-22T12:38:00Z"])
    updated_at: datetime = Field(examples=["2026-11-22T12:38:00Z"])
    contradictions: list[Contradiction]


@router.get("", response_model=Listing[Rule])
def list_rules(workspace: Reader) -> object:
    """Every rule, those that go first first."""
    return all_of(workspace.read(views.list_rules))


@router.post("", status_code=201, response_model=Rule)
def create_rule(
    workspace: Writer,
    response: Response,
    values: Annotated[JsonBody, Like(RuleFields), Field(examples=[EXAMPLE])],
    reason: Reason = None,
) -> object:
    """Add a rule; operators may."""

    def save(session: Session) -> views.Rule:
        return views.find_rule(session, services.create_rule(session, values, reason).id)

    rule = workspace.act(save)
    response.headers["Location"] = f"rules/{rule.id}"
    return _shown(response, rule)


@router.get("/{rule_id}", response_model=Rule, responses=etags.SHOWN)
def find_rule(workspace: Reader, response: Response, rule_id: Id) -> object:
    """One rule."""
    return _shown(response, workspace.read(lambda session: views.find_rule(session, rule_id)))


@router.patch("/{rule_id}", response_model=Rule, responses=etags.SHOWN | etags.CHECKED)
def edit_rule(
    *,
    workspace: Writer,
    response: Response,
    rule_id: Id,
    changes: Annotated[JsonBody, Like(RuleFields, is_partial=True), Field(examples=[{"is_active": False}])],
    if_match: IfMatch = None,
    reason: Reason = None,
) -> object:
    """Change these fields of a rule; operators may."""

    def save(session: Session) -> views.Rule:
        seen = _seen(session, rule_id, if_match)
        services.edit_rule(session, rule_id, changes, seen.updated_at, reason)
        return views.find_rule(session, rule_id)

    return _shown(response, workspace.act(save))


@router.delete("/{rule_id}", status_code=204, responses=etags.CHECKED)
def delete_rule(workspace: Writer, rule_id: Id, if_match: IfMatch = None, reason: Reason = None) -> None:
    """Delete a rule; operators may."""

    def remove(session: Session) -> None:
        services.delete_rule(session, rule_id, _seen(session, rule_id, if_match).updated_at, reason)

    workspace.act(remove)


def _seen(session: Session, rule_id: int, if_match: str | None) -> views.Rule:
    rule = views.find_rule(session, rule_id)
    etags.require_match(if_match, etags.of_time(rule.updated_at))
    return rule


def _shown(response: Response, rule: views.Rule) -> views.Rule:
    response.headers["ETag"] = etags.of_time(rule.updated_at)
    return rule
