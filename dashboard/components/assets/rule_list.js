// Rules: what each says, whether it holds now, and which others it contradicts.
import { aim, attribute, element, link, mount, parts, reconcile, say, status } from "./dom.js";

export default function ({ data, parentElement, setTriggerValue }) {
  const open = (target) => setTriggerValue("open", target);
  reconcile(mount(parentElement, "rules"), data.rules, () => create(open), (row, rule) => update(row, rule, open));
}

function create(open) {
  const name = element("span", "strong");
  const said = element("span", "muted");
  const priority = element("span", "chip");
  const span = element("span", "span muted number");
  const state = element("span", "status");
  const problems = element("div", "problems");
  const row = link("rule", open);
  row.append(element("div", "", name, " ", said), state, element("div", "about", priority, " ", span), problems);
  return parts(row, { name, said, priority, span, state, problems });
}

function update(row, rule, open) {
  const of = row.heliosParts;
  aim(row, rule.target, open);
  attribute(row, "aria-current", rule.is_selected ? "true" : null);
  for (const part of ["name", "said", "priority", "span"]) say(of[part], rule[part]);
  status(of.state, rule.sign);
  const problems = rule.problems.map((text, key) => ({ key, text }));
  reconcile(of.problems, problems, () => element("div", "problem"), (node, { text }) => say(node, `▲ ${text}`));
}
