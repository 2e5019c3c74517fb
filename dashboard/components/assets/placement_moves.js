// The moves of a draft: who goes where, and under each the reasons, card by card.
import { element, mount, parts, reconcile, say, status } from "./dom.js";
import { paintReason, reason } from "./reasons.js";

export default function ({ data, parentElement }) {
  reconcile(mount(parentElement, "moves"), data.moves, create, update);
}

function create() {
  const portrait = element("span", "face");
  const name = element("span", "strong");
  const way = element("span", "way number");
  const about = element("span", "muted");
  const state = element("span", "status");
  const lines = element("div", "reasons");
  const head = element("div", "head", portrait, element("div", "text", element("div", "", name, " ", way, " ", state), about));
  return parts(element("section", "move", head, lines), { portrait, name, way, about, state, lines });
}

function update(node, move) {
  const of = node.heliosParts;
  say(of.portrait, move.initials);
  of.portrait.style.background = move.colour;
  for (const part of ["name", "way", "about"]) say(of[part], move[part]);
  if (move.sign) status(of.state, move.sign);
  else say(of.state, "");
  reconcile(of.lines, move.lines, reason, paintReason);
}
