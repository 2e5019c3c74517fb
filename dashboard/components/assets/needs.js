// What needs the reader now: one card each, with a link to the page where something can be done.
import { aim, attribute, element, link, mount, parts, reconcile, say, status } from "./dom.js";

export default function ({ data, parentElement, setTriggerValue }) {
  const root = mount(parentElement, "needs");
  const open = (target) => setTriggerValue("open", target);
  reconcile(root, data.needs, () => create(open), (card, need) => update(card, need, open));
}

function create(open) {
  const state = element("span", "status");
  const action = element("span", "action");
  const title = element("div", "title strong");
  const detail = element("div", "muted");
  const card = link("card need", open);
  card.append(element("div", "top", state, action), title, detail);
  return parts(card, { state, action, title, detail });
}

function update(card, need, open) {
  const of = card.heliosParts;
  aim(card, need.target, open);
  attribute(card, "data-edge", need.sign.tone);
  status(of.state, need.sign);
  say(of.action, need.action);
  say(of.title, need.title);
  say(of.detail, need.detail);
}
