// A list of facts: what, how much, and what there is to say about it.
import { attribute, element, mount, parts, reconcile, say, status } from "./dom.js";

export default function ({ data, parentElement }) {
  reconcile(mount(parentElement, "facts"), data.facts, create, update);
}

function create() {
  const label = element("span", "label muted");
  const value = element("span", "value number");
  const note = element("span", "note muted");
  const state = element("span", "status");
  return parts(element("div", "fact", label, element("span", "said", value, " ", note), state), { label, value, note, state });
}

function update(row, fact) {
  const of = row.heliosParts;
  say(of.label, fact.label);
  say(of.value, fact.value);
  say(of.note, fact.note);
  if (fact.sign) status(of.state, fact.sign);
  else say(of.state, "");
  attribute(of.state, "hidden", fact.sign ? null : "");
}
