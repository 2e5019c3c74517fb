"""Placement: the map, drafts that are tried and then made, rules and constraints, and the log of decisions."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from helios_core.models import AgentConfiguration, GPUResource, LoadBalancingRule, PlacementPlan, ResourceConstraint
from helios_core.services.agents import edited_configuration
from helios_core.services.allocations import cards_of
from helios_core.services.constraints import create_constraint
from helios_core.services.placement import place
from helios_core.services.rules import RuleFields, create_rule, edit_rule
from helios_core.views.placement import placement_map
from helios_core.views.quotas import list_quotas
from tests.browser import scene
from tests.browser.conftest import Installation, Visitor, choose
from tests.browser.looks import WIDE, Look, usually

pytestmark = pytest.mark.browser


def draw(session: Session) -> None:
    """The usual scene with a fourth card on which nobody is, two rules, and a constraint."""
    scene.draw(session)
    session.add(
        GPUResource(
            uuid="GPU-simulated-3", nvml_index=3, name="RTX Titan X", host="workstation", is_simulated=True,
            total_memory_mb=24_576, reserved_memory_mb=96, power_limit_watts=250, compute_capability="5.2", health="ok",
            current_utilization_percent=0, current_memory_used_mb=0, current_temperature_celsius=41,
            sampled_at=datetime.now(UTC),
        )
    )  # fmt: skip
    session.flush()
    create_rule(session, {"name": "one card alone", "strategy": "pack", "conditions": {"gpu_ids": [2]}}, "a guest")
    create_rule(session, {"name": "at night", "strategy": "spread", "is_active": False, "priority": 3})
    create_constraint(
        session, {"model_provider": "ollama", "model_name": "llama3.1:8b", "min_memory_mb": 4000}, "measured"
    )


def card_of(installation: Installation, agent_id: str) -> int | None:
    return installation.workspace.read(
        lambda session: session.scalars(
            select(AgentConfiguration.gpu_assignment).where(AgentConfiguration.agent_id == agent_id)
        ).one()
    )


def cell(page: Page, agent: str, place: str) -> Locator:
    return page.get_by_role("button", name=re.compile(f"^Put {agent} {place}"))


def surface(page: Page, key: str) -> Locator:
    return page.locator(f".st-key-card_{key}")


def test_the_map_shows_every_agent_on_its_card_promised_against_measured(
    installation: Installation, visitor: Visitor
) -> None:
    page = visitor.visit("placement", "Placement")
    found = installation.workspace.read(placement_map)
    expect(page.locator("section.gpu")).to_have_count(4)
    expect(page.locator("tr.agent")).to_have_count(sum(len(card.agents) for card in found.cards))
    for card in found.cards:
        shown = page.locator("section.gpu").nth(card.gpu_id)
        expect(shown).to_contain_text(f"{card.promised_mib / 1024:.1f} of {card.capacity_mib / 1024:.1f} GiB promised")
        expect(shown).to_contain_text("measured")
    row = page.locator("tr.agent", has_text="Technical Expert")
    expect(row).to_contain_text(re.compile(r"\d GiB · \d"))
    expect(row.locator("button[aria-pressed=true]")).to_have_attribute("data-state", "here")


def test_a_draft_shows_fit_and_reasons_moves_nothing_and_outlives_a_reload(
    installation: Installation, visitor: Visitor
) -> None:
    page = visitor.visit("placement", "Placement")
    before = card_of(installation, "output_formatter")
    target = cell(page, "Output Formatter", "on GPU 3")
    target.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Draft: 1 move")).to_be_visible()
    page.wait_for_url("**draft=*")
    expect(page.locator("section.gpu").nth(3).locator(".row", has_text="after").locator(".block")).to_have_count(1)
    expect(page.locator("section.move")).to_contain_text("Output Formatter")
    expect(page.locator(".reason", has_text="GPU 3").first).to_contain_text("chosen")
    page.wait_for_timeout(2500)
    expect(page.get_by_text("Draft: 1 move")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Draft: 1 move")).to_be_visible()
    assert card_of(installation, "output_formatter") == before
    page.get_by_role("button", name="Discard draft").click()
    expect(page.get_by_text("No draft: this is how it is")).to_be_visible()
    assert "draft=" not in page.url


def test_a_draft_is_applied_as_one_and_undone_as_one(installation: Installation, visitor: Visitor) -> None:
    page = visitor.visit("placement", "Placement")
    agents = ("personal_assistant", "wellbeing_coach")
    before = {agent: card_of(installation, agent) for agent in agents}
    cell(page, "Personal Assistant", "on GPU 3").click()
    expect(page.get_by_text("Draft: 1 move")).to_be_visible()
    cell(page, "Wellbeing Coach", "on GPU 3").click()
    expect(page.get_by_text("Draft: 2 moves")).to_be_visible()
    page.get_by_label("Reason").fill("room for the guests")
    page.get_by_label("Reason").press("Tab")
    page.wait_for_timeout(1500)
    expect(page.get_by_label("Reason")).to_have_value("room for the guests")
    page.get_by_role("button", name="Apply 2 moves").click()
    expect(page.get_by_text("No draft: this is how it is")).to_be_visible()
    assert {agent: card_of(installation, agent) for agent in agents} == dict.fromkeys(agents, 3)
    cell(page, "Output Formatter", "on GPU 3").click()
    expect(page.get_by_label("Reason")).to_have_value("")
    page.get_by_role("button", name="Discard draft").click()
    expect(page.get_by_text("No draft: this is how it is")).to_be_visible()
    visitor.settle()
    expect(surface(page, "newest_decisions").locator(".decision").first).to_contain_text("room for the guests")
    page.get_by_role("button", name="Undo", exact=True).first.click()
    expect(surface(page, "plans").get_by_text("was undone").first).to_be_visible()
    assert {agent: card_of(installation, agent) for agent in agents} == before
    plan = installation.workspace.read(lambda session: session.scalars(select(PlacementPlan)).one())
    assert (plan.status, plan.title) == ("undone", "room for the guests")
    page.goto(f"{visitor.address}/placement?tab=Decisions")
    expect(page.locator(".decision")).to_have_count(4)
    page.locator(".decision summary").last.click()
    expect(page.locator(".decision").last.locator(".reason").first).to_be_visible()


def test_more_agents_of_a_kind_join_a_draft_and_the_team(installation: Installation, visitor: Visitor) -> None:
    page = visitor.visit("placement", "Placement")
    surface(page, "board").get_by_text("Add agents to the draft").click()
    choose(surface(page, "board").get_by_label("More agents like"), "Output Formatter")
    surface(page, "board").get_by_label("How many").fill("2")
    surface(page, "board").get_by_label("How many").press("Tab")
    page.get_by_role("button", name="Add to the draft").click()
    page.wait_for_url("**more=output_formatter.2.any*")
    row = page.locator("tr.agent", has_text="2 more like Output Formatter")
    expect(row).to_contain_text("not there yet")
    cell(page, "2 more like Output Formatter", "on GPU 3").click()
    page.wait_for_url("**more=output_formatter.2.3*")
    expect(row.locator('[data-state="coming"]')).to_have_count(1)
    page.get_by_role("button", name="Apply 2 moves").click()
    expect(page.get_by_text("No draft: this is how it is")).to_be_visible()
    assert {card_of(installation, f"output_formatter_{number}") for number in (2, 3)} == {3}
    expect(page.locator("tr.agent", has_text="Output Formatter 3")).to_be_visible()
    visitor.settle()
    page.get_by_role("button", name="Undo", exact=True).first.click()
    expect(page.locator("tr.agent", has_text="Output Formatter 3")).to_have_count(0)
    assert card_of(installation, "output_formatter_2") is None


def test_an_agent_on_several_cards_is_shown_and_moved_as_one(installation: Installation, visitor: Visitor) -> None:
    model_name = installation.workspace.read(lambda s: edited_configuration(s, "output_formatter").assigned_llm)
    allowed = {"model_provider": "ollama", "model_name": model_name, "allows_split": True}
    remove(installation, select(ResourceConstraint).where(ResourceConstraint.model_name == model_name))
    installation.act(lambda session: create_constraint(session, allowed))
    installation.act(lambda session: place(session, "output_formatter", (0, 3)))
    page = visitor.visit("placement", "Placement")
    row = page.locator("tr.agent", has_text="Output Formatter")
    expect(row).to_contain_text("on 2 cards")
    expect(row.locator('[data-state="here"]')).to_have_count(2)
    cell(page, "Output Formatter", "on GPU 1").click()
    page.wait_for_url("**draft=*.3-1*")
    expect(page.locator("section.move").first).to_contain_text("GPU 0 and 3 → GPU 1 and 3")
    page.get_by_role("button", name=re.compile("^Apply [12] move")).click()
    expect(page.get_by_text("No draft: this is how it is")).to_be_visible()
    held = installation.workspace.read(lambda s: cards_of(edited_configuration(s, "output_formatter")))
    assert held == (1, 3), "somebody may have made room"
    expect(page.locator(".decision", has_text="moved Output Formatter GPU 0 and 3 → GPU 1 and 3")).to_have_count(1)


def test_what_no_card_takes_is_said_and_cannot_be_applied(visitor: Visitor) -> None:
    page = visitor.visit("placement", "Placement")
    cell(page, "Project Manager", "on GPU 2").click()
    expect(page.locator(".reason", has_text="its health is critical")).to_be_visible()
    expect(page.get_by_role("button", name="Apply 0 moves")).to_be_disabled()
    expect(page.locator("tr.agent", has_text="Project Manager").locator('[data-state="refused"]')).to_have_count(1)
    page.get_by_text("Others may give way").click()
    page.wait_for_url("**evict=yes*")
    expect(page.locator(".reason", has_text="its health is critical")).to_be_visible()


def test_a_draft_of_an_agent_that_is_gone_says_so_and_can_be_discarded(visitor: Visitor) -> None:
    page = visitor.visit("placement?draft=99999.1", "Placement")
    expect(page.get_by_text("There is no agent with the configuration 99999").first).to_be_visible()
    page.get_by_role("button", name="Discard draft").click()
    expect(page.get_by_text("No draft: this is how it is")).to_be_visible()


def test_a_card_may_be_thought_away(installation: Installation, visitor: Visitor) -> None:
    page = visitor.visit("placement", "Placement")
    on_card = next(card for card in installation.workspace.read(placement_map).cards if card.gpu_id == 1).agents
    page.get_by_role("button", name="GPU 1", exact=True).click()
    page.wait_for_url("**without=1*")
    expect(page.get_by_text(f"Draft: {len(on_card)} moves")).to_be_visible()
    expect(page.locator("section.gpu").nth(1).locator(".row", has_text="after").locator(".block")).to_have_count(0)


def test_a_capacity_question_is_answered_with_the_reason_why_not_one_more(visitor: Visitor) -> None:
    page = visitor.visit("placement", "Placement")
    page.get_by_text("Ask about another kind").click()
    page.get_by_label("Memory (MiB)").fill("5000")
    page.get_by_role("button", name="How many more fit?").click()
    expect(surface(page, "room").get_by_text("Choose a model first")).to_be_visible()
    choose(surface(page, "room").get_by_label("Model"), "qwen2.5:7b")
    page.get_by_role("button", name="How many more fit?").click()
    expect(surface(page, "room").get_by_text(re.compile("more agents? fits? with qwen2.5:7b"))).to_be_visible()
    expect(surface(page, "room").locator(".reason").first).to_be_visible()


def remove(installation: Installation, kept: Select[Any]) -> None:
    """Delete what an earlier attempt may have left."""

    def forget(session: Session) -> None:
        for row in session.scalars(kept):
            session.delete(row)

    installation.act(forget)


def test_a_rule_that_contradicts_another_is_named_before_it_is_saved_and_refused(
    installation: Installation, visitor: Visitor
) -> None:
    kept = select(LoadBalancingRule).where(LoadBalancingRule.name == "cool first")
    remove(installation, kept)
    page = visitor.visit("placement?tab=Rules", "Placement")
    page.get_by_role("button", name="Add a rule").click()
    form = surface(page, "rule")
    form.get_by_label("Name").fill("cool first")
    form.get_by_label("Temperature").fill("60")
    form.get_by_label("Temperature").press("Tab")
    choose(form.get_by_label("Strategy"), re.compile("thermal headroom"))
    expect(form.get_by_text("“one card alone” has the same priority")).to_be_visible()
    expect(form.get_by_text("It stays until somebody moves it.").first).to_be_visible()
    form.get_by_role("button", name="Add the rule").click()
    expect(form.get_by_text("▲ “one card alone” has the same priority").last).to_be_visible()
    assert len(installation.workspace.read(lambda session: session.scalars(select(LoadBalancingRule)).all())) == 2
    form.get_by_label("Priority", exact=True).fill("8")
    form.get_by_label("Priority", exact=True).press("Tab")
    page.get_by_role("tab", name="Constraints").click()
    expect(surface(page, "constraints")).to_be_visible()
    page.get_by_role("tab", name="Rules").click()
    expect(form.get_by_label("Name")).to_have_value("cool first")
    form.get_by_label("Reason").fill("the room is small")
    form.get_by_label("Reason").press("Tab")
    form.get_by_role("button", name="Add the rule").click()
    expect(page.locator("a.rule", has_text="cool first")).to_contain_text("● in force")
    saved = installation.workspace.read(lambda session: session.scalars(kept).one())
    assert (saved.strategy, saved.max_temperature_celsius, saved.priority) == ("thermal_headroom", 60, 8)
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("a.rule", has_text="cool first")).to_have_count(0)


def test_two_editors_of_a_rule_do_not_overwrite_each_other(installation: Installation, visitor: Visitor) -> None:
    def rule(session: Session) -> LoadBalancingRule:
        return session.scalars(select(LoadBalancingRule).where(LoadBalancingRule.name == "at night")).one()

    found = installation.workspace.read(rule)
    page = visitor.visit(f"placement?tab=Rules&rule={found.id}", "Placement")
    form = surface(page, "rule")
    form.get_by_label("Description").fill("mine")
    form.get_by_label("Description").press("Tab")
    installation.act(lambda session: edit_rule(session, found.id, {"priority": 2}, found.updated_at))
    form.get_by_role("button", name="Save the rule").click()
    expect(form.get_by_text("compare it with yours and save again")).to_be_visible()
    expect(form.get_by_label("Description")).to_have_value("mine")
    form.get_by_role("button", name="Discard").click()
    expect(form.get_by_label("Priority", exact=True).last).to_have_value("2")
    assert RuleFields.of(installation.workspace.read(rule)).description == ""


def test_a_constraint_is_added_refused_and_deleted_through_its_form(
    installation: Installation, visitor: Visitor
) -> None:
    kept = select(ResourceConstraint).where(ResourceConstraint.model_name == "qwen2.5:7b")
    remove(installation, kept)
    page = visitor.visit("placement?tab=Constraints&constraint=new", "Placement")
    form = surface(page, "constraint")
    form.get_by_label("Model").fill("qwen2.5:7b")
    form.get_by_label("Model").press("Enter")
    form.get_by_label("Least compute capability").fill("ampere")
    form.get_by_label("Least compute capability").press("Tab")
    expect(form.get_by_text("A compute capability is written like 8.6").first).to_be_visible()
    form.get_by_role("button", name="Add the constraint").click()
    form.get_by_label("Least compute capability").fill("8.6")
    form.get_by_label("Least compute capability").press("Tab")
    expect(form.get_by_text(re.compile("Project Manager on GPU 0")).first).to_be_visible()
    form.get_by_role("button", name="Add the constraint").click()
    expect(page.locator("a.constraint", has_text="qwen2.5:7b")).to_contain_text("capability 8.6 or newer")
    saved = installation.workspace.read(lambda session: session.scalars(kept).one())
    assert saved.min_compute_capability == "8.6"
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("a.constraint", has_text="qwen2.5:7b")).to_have_count(0)


def test_a_quota_is_set_and_lifted(installation: Installation, visitor: Visitor) -> None:
    page = visitor.visit("placement?tab=Quotas", "Placement")
    expect(page.get_by_text("Nobody has a quota.")).to_be_visible()
    page.get_by_label("Memory (MiB)").fill("4096")
    page.get_by_label("Memory (MiB)").press("Tab")
    page.get_by_label("Reason").fill("fair shares")
    page.get_by_role("button", name="Set the quota").click()
    expect(surface(page, "quotas").get_by_text("at most 4.0 GiB")).to_be_visible()
    (quota,) = installation.workspace.read(list_quotas)
    assert (quota.user_id, quota.max_memory_mib) == (None, 4096)
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("Nobody has a quota.")).to_be_visible()
    assert installation.workspace.read(list_quotas) == ()


@pytest.mark.parametrize("look", usually(WIDE))
def test_every_part_is_drawn_in_any_width_and_theme(
    installation: Installation, window: Callable[..., Visitor], pictures: Path, look: Look
) -> None:
    theme, width = look
    agent = installation.workspace.read(
        lambda session: session.scalars(
            select(AgentConfiguration.id).where(AgentConfiguration.agent_id == "quality_assurance")
        ).one()
    )
    visitor = window(width, theme)
    for name, path in {
        "draft": f"placement?draft={agent}.3",
        "rules": "placement?tab=Rules&rule=1",
        "constraints": "placement?tab=Constraints&constraint=1",
        "quotas": "placement?tab=Quotas",
        "decisions": "placement?tab=Decisions",
    }.items():
        visitor.visit(path, "Placement")
        visitor.photograph(pictures / f"placement-{name}-{theme}-{width}.png")
