// What just happened, newest first: when, who, what.
import { aim, attribute, element, link, mount, parts, reconcile, say } from "./dom.js";

export default function ({ data, parentElement, setTriggerValue }) {
  const root = mount(parentElement, "feed");
  root.classList.add("card");
  const open = (target) => setTriggerValue("open", target);
  reconcile(root, data.events, () => create(open), (row, event) => update(row, event, open));
}

function create(open) {
  const time = element("span", "time muted number");
  const icon = element("span", "icon");
  const who = element("span", "strong");
  const what = element("span", "");
  const row = link("event", open);
  row.append(time, " ", icon, who, " ", what);
  return parts(row, { time, icon, who, what });
}

function update(row, event, open) {
  const of = row.heliosParts;
  aim(row, event.target, open);
  say(of.time, event.time);
  attribute(of.time, "title", event.date);
  say(of.icon, event.sign ? `${event.sign.icon} ` : "");
  attribute(of.icon, "data-tone", event.sign?.tone);
  attribute(of.icon, "title", event.sign?.word);
  say(of.who, event.who);
  say(of.what, event.what);
}
