// The tasks of a conversation under way: whose they are, what they are about, and how they stand.
import { aim, element, link, mount, parts, reconcile, say, status } from "./dom.js";

export default function ({ data, parentElement, setTriggerValue }) {
  const root = mount(parentElement, "tasks");
  const open = (target) => setTriggerValue("open", target);
  root.classList.toggle("card", data.tasks.length > 0);
  reconcile(root, data.tasks, () => create(open), (row, item) => update(row, item, open));
}

function create(open) {
  const face = element("span", "face");
  const name = element("span", "strong name");
  const text = element("span", "text");
  const note = element("span", "note muted");
  const state = element("span", "status");
  const row = link("task", open);
  row.append(face, name, text, note, state);
  return parts(row, { face, name, text, note, state });
}

function update(row, item, open) {
  const of = row.heliosParts;
  aim(row, item.target, open);
  say(of.face, item.face.initials);
  of.face.style.background = item.face.colour;
  say(of.name, item.face.name);
  say(of.text, item.text);
  say(of.note, item.note);
  status(of.state, item.sign);
}
