// Constraints of models: which model, and what it needs of a card.
import { aim, attribute, element, link, mount, parts, reconcile, say } from "./dom.js";

export default function ({ data, parentElement, setTriggerValue }) {
  const open = (target) => setTriggerValue("open", target);
  reconcile(mount(parentElement, "constraints"), data.constraints, () => create(open), (row, item) => update(row, item, open));
}

function create(open) {
  const name = element("span", "strong");
  const provider = element("span", "chip");
  const said = element("div", "muted");
  const row = link("constraint", open);
  row.append(element("div", "", name, " ", provider), said);
  return parts(row, { name, provider, said });
}

function update(row, constraint, open) {
  aim(row, constraint.target, open);
  attribute(row, "aria-current", constraint.is_selected ? "true" : null);
  for (const part of ["name", "provider", "said"]) say(row.heliosParts[part], constraint[part]);
}
