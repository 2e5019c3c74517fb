// Conclusions, one a row: what was asked, how far the experts agree, in how many votes, and why somebody should read it.
import { aim, attribute, element, link, mount, parts, reconcile, say } from "./dom.js";

export default function ({ data, parentElement, setTriggerValue }) {
  const root = mount(parentElement, "conclusions");
  root.classList.add("card");
  const open = (target) => setTriggerValue("open", target);
  reconcile(root, data.conclusions, () => create(open), (row, item) => update(row, item, open));
}

function create(open) {
  const names = ["title", "when", "source", "why", "agreement", "votes", "rating"];
  const of = Object.fromEntries(names.map((name) => [name, element("span", name)]));
  of.title.classList.add("strong");
  of.source.classList.add("chip");
  of.when.classList.add("muted");
  const row = link("conclusion", open);
  const under = element("div", "under", of.when, of.source, of.why);
  row.append(element("div", "what", of.title, under), of.agreement, of.votes, of.rating);
  return parts(row, of);
}

function update(row, item, open) {
  const of = row.heliosParts;
  aim(row, item.target, open);
  for (const name of ["title", "when", "source", "agreement", "votes", "rating"]) say(of[name], item[name]);
  for (const name of ["agreement", "votes", "rating"]) of[name].classList.add("number");
  attribute(of.when, "title", item.date);
  say(of.why, item.why ? `◆ ${item.why}` : "");
  attribute(of.why, "data-tone", "accent");
}
