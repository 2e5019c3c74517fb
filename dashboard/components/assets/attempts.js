// The attempts at one task: how each ended, and why.
import { aim, attribute, element, link, mount, parts, reconcile, say, status } from "./dom.js";

export default function ({ data, parentElement, setTriggerValue }) {
  const root = mount(parentElement, "attempts");
  root.classList.add("card");
  const open = (target) => setTriggerValue("open", target);
  reconcile(root, data.attempts, () => create(open), (row, attempt) => update(row, attempt, open));
}

function create(open) {
  const name = element("span", "strong");
  const state = element("span", "status");
  const time = element("span", "muted number");
  const error = element("div", "error");
  const row = link("attempt", open);
  row.append(element("div", "top", name, state, time), error);
  attribute(error, "data-tone", "critical");
  return parts(row, { name, state, time, error });
}

function update(row, attempt, open) {
  const of = row.heliosParts;
  aim(row, attempt.target, open);
  say(of.name, attempt.name);
  status(of.state, attempt.sign);
  say(of.time, attempt.time);
  say(of.error, attempt.error);
  attribute(row, "aria-current", attempt.is_present ? "true" : null);
}
