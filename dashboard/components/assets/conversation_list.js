// Conversations, one a row: title, source, who took part, how far it came, and what it took.
import { aim, attribute, element, link, mount, parts, reconcile, say, status } from "./dom.js";

export default function ({ data, parentElement, setTriggerValue }) {
  const root = mount(parentElement, "conversations");
  root.classList.add("card");
  const open = (target) => setTriggerValue("open", target);
  reconcile(root, data.conversations, () => create(open), (row, item) => update(row, item, open));
}

function create(open) {
  const names = ["title", "when", "source", "faces", "state", "tasks", "tokens", "time"];
  const of = Object.fromEntries(names.map((name) => [name, element("span", name)]));
  of.title.classList.add("strong");
  of.source.classList.add("chip");
  for (const name of ["when", "tasks", "tokens", "time"]) of[name].classList.add("muted", "number");
  const row = link("conversation", open);
  row.append(element("div", "what", of.title, element("div", "under", of.when, of.source)), of.faces, of.state, of.tasks, of.tokens, of.time);
  return parts(row, of);
}

function update(row, item, open) {
  const of = row.heliosParts;
  aim(row, item.target, open);
  for (const name of ["title", "when", "source", "tasks", "tokens", "time"]) say(of[name], item[name]);
  attribute(of.when, "title", item.date);
  status(of.state, item.sign);
  of.state.classList.add("status");
  reconcile(of.faces, item.faces.map((face, index) => ({ key: index, ...face })), () => element("span", "face"), (node, face) => {
    say(node, face.initials);
    node.style.background = face.colour;
    node.title = face.name;
  });
}
