// Decisions of placement: each in one line, which opens to the reasons as they were then.
import { element, mount, parts, reconcile, say, status } from "./dom.js";
import { paintReason, reason } from "./reasons.js";

const TEXTS = ["when", "what", "who", "why", "about"];

export default function ({ data, parentElement }) {
  reconcile(mount(parentElement, "decisions"), data.decisions, create, update);
}

function create() {
  const when = element("time", "when muted number");
  const what = element("span", "strong");
  const who = element("span", "muted");
  const why = element("span", "muted");
  const state = element("span", "status");
  const about = element("div", "about muted");
  const lines = element("div", "reasons");
  const summary = element("summary", "", when, " ", state, " ", what, " ", who, " ", why);
  return parts(element("details", "decision", summary, about, lines), { when, what, who, why, state, about, lines });
}

function update(node, decision) {
  const of = node.heliosParts;
  for (const part of TEXTS) say(of[part], decision[part]);
  if (decision.sign) status(of.state, decision.sign);
  else say(of.state, "");
  reconcile(of.lines, decision.lines, reason, paintReason);
}
