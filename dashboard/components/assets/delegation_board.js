// Delegations in columns by status; a card each, marked where it is stuck or went wrong.
import { aim, attribute, element, link, mount, parts, reconcile, say, status } from "./dom.js";

export default function ({ data, parentElement, setTriggerValue }) {
  const root = mount(parentElement, "board");
  const open = (target) => setTriggerValue("open", target);
  root.classList.toggle("single", data.columns.length === 1);
  reconcile(root, data.columns, () => column(open), (node, item) => {
    const of = node.heliosParts;
    status(of.state, item.sign);
    say(of.count, item.count);
    node.classList.toggle("bare", !item.cards.length);
    aim(of.rest, item.target, open);
    say(of.rest, item.rest);
    of.rest.hidden = !item.rest || data.columns.length === 1;
    reconcile(of.cards, item.cards, () => card(open), (row, delegation) => update(row, delegation, open));
  });
}

function column(open) {
  const state = element("h2", "status");
  const count = element("span", "muted number");
  const cards = element("div", "cards");
  const rest = link("rest", open);
  return parts(element("section", "column", element("div", "head", state, count), cards, rest), { state, count, cards, rest });
}

function card(open) {
  const face = element("span", "face");
  const task = element("div", "task");
  const facts = element("div", "muted small number");
  const trouble = element("div", "small trouble");
  const error = element("div", "small error");
  const conversation = element("div", "muted small cut");
  const done = element("div", "done");
  const bar = element("div", "bar", done);
  const row = link("card item", open);
  row.append(element("div", "top", face, task), bar, trouble, error, facts, conversation);
  attribute(trouble, "data-tone", "warning");
  return parts(row, { face, task, facts, trouble, error, conversation, done, bar });
}

function update(row, delegation, open) {
  const of = row.heliosParts;
  aim(row, delegation.target, open);
  say(of.face, delegation.face.initials);
  of.face.style.background = delegation.face.colour;
  of.face.title = delegation.face.name;
  for (const name of ["task", "facts", "conversation", "trouble", "error"]) say(of[name], delegation[name]);
  attribute(of.facts, "title", delegation.date);
  attribute(of.conversation, "title", delegation.conversation);
  attribute(of.error, "data-tone", delegation.tone);
  of.bar.hidden = delegation.percent === null;
  of.done.style.width = `${delegation.percent ?? 0}%`;
  row.classList.toggle("stuck", Boolean(delegation.trouble));
}
