// Delegations under way: who does what, for how long, and how far; a bar only where progress was reported.
import { aim, attribute, element, link, mount, parts, reconcile, say } from "./dom.js";

export default function ({ data, parentElement, setTriggerValue }) {
  const root = mount(parentElement, "delegations");
  root.classList.add("card");
  const open = (target) => setTriggerValue("open", target);
  reconcile(root, data.delegations, () => create(open), (row, delegation) => update(row, delegation, open));
}

function create(open) {
  const agent = element("span", "strong");
  const task = element("span", "muted");
  const time = element("span", "time number");
  const done = element("div", "done");
  const bar = element("div", "bar", done);
  const row = link("delegation", open);
  row.append(element("div", "top", element("span", "cut", agent, " ", task), time), bar);
  return parts(row, { agent, task, time, done, bar });
}

function update(row, delegation, open) {
  const of = row.heliosParts;
  aim(row, delegation.target, open);
  say(of.agent, delegation.agent);
  say(of.task, delegation.task);
  attribute(row, "title", delegation.task);
  say(of.time, delegation.time);
  attribute(of.time, "data-tone", delegation.tone);
  attribute(of.bar, "data-bar", delegation.percent === null ? "unknown" : delegation.tone ?? "accent");
  of.done.style.width = `${delegation.percent ?? 0}%`;
}
