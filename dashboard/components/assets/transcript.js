// What was said, in its order: who to whom, when, and the words.
import { attribute, element, mount, parts, reconcile, say } from "./dom.js";
import { folding } from "./text.js";

export default function ({ data, parentElement, setTriggerValue }) {
  const root = mount(parentElement, "transcript");
  const of = (root.heliosParts ? root : create(root)).heliosParts;
  say(of.title, data.until ? `up to ${data.until}` : "");
  say(of.count, data.count);
  extend(of.earlier, data.earlier, () => setTriggerValue("more", "earlier"));
  reconcile(of.list, data.messages, message, update);
  extend(of.later, data.later, data.can_show_later ? () => setTriggerValue("more", "later") : null);
  of.empty.hidden = data.messages.length > 0;
  if (data.until && of.seen !== `${data.until} ${data.messages.length}`) of.scroll.scrollTop = of.scroll.scrollHeight;
  of.seen = `${data.until} ${data.messages.length}`;
}

function create(root) {
  root.classList.add("card");
  const title = element("span", "muted");
  const count = element("span", "muted number");
  const [earlier, later] = [element("button", "more"), element("button", "more")];
  const list = element("div", "list");
  const empty = element("div", "muted empty", "Nothing has been said yet.");
  const scroll = element("div", "scroll", earlier, list, empty, later);
  scroll.tabIndex = 0;
  root.append(element("div", "head", element("div", "", element("span", "strong", "Transcript "), title), count), scroll);
  return parts(root, { title, count, earlier, later, list, empty, scroll });
}

function extend(button, text, act) {
  button.type = "button";
  button.hidden = !text;
  button.disabled = !act;
  say(button, text);
  button.onclick = act;
}

function message() {
  const face = element("div", "face");
  const who = element("span", "strong");
  const what = element("span", "muted what");
  const time = element("span", "muted number time");
  const words = folding();
  const node = element("article", "message", face, element("div", "said", element("div", "top", element("div", "", who, " ", what), time), words));
  return parts(node, { face, who, what, time, words });
}

function update(node, item) {
  const of = node.heliosParts;
  say(of.face, item.face.initials);
  of.face.style.background = item.face.colour;
  say(of.who, item.face.name);
  say(of.what, item.what);
  say(of.time, item.time);
  attribute(of.time, "title", item.date);
  attribute(node, "data-kind", item.kind);
  attribute(node, "data-position", item.key);
  of.words.heliosWrite(item.words);
}
