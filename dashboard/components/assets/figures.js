// Figures side by side: a label, a value, a note.
import { element, mount, parts, reconcile, say } from "./dom.js";

export default function ({ data, parentElement }) {
  const root = mount(parentElement, "figures");
  reconcile(root, data.figures, create, update);
}

function create() {
  const label = element("div", "muted");
  const value = element("div", "value number");
  const note = element("div", "note muted");
  return parts(element("div", "card figure", label, value, note), { label, value, note });
}

function update(card, figure) {
  const of = card.heliosParts;
  say(of.label, figure.label);
  say(of.value, figure.value);
  say(of.note, figure.note);
}
