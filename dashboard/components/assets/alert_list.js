// Alerts: when, how bad, what was wrong, who has seen it, and for how long it was.
import { aim, element, link, mount, parts, reconcile, say, status } from "./dom.js";

const TEXTS = ["when", "title", "detail", "seen", "span"];

export default function ({ data, parentElement, setTriggerValue }) {
  const open = (target) => setTriggerValue("open", target);
  reconcile(mount(parentElement, "alerts"), data.alerts, () => create(open), (row, alert) => update(row, alert, open));
}

function create(open) {
  const when = element("time", "when muted number");
  const state = element("span", "status");
  const title = element("span", "strong");
  const detail = element("span", "muted");
  const seen = element("span", "seen muted");
  const span = element("span", "span muted number");
  const row = link("alert", open);
  row.append(when, state, element("span", "what", title, " ", detail, seen), span);
  return parts(row, { when, state, title, detail, seen, span });
}

function update(row, alert, open) {
  const of = row.heliosParts;
  aim(row, alert.target, open);
  for (const part of TEXTS) say(of[part], alert[part]);
  status(of.state, alert.sign);
}
