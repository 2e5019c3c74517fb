// Answers side by side: who gave them, how good they were found, what they took, and their words.
import { aim, attribute, element, link, mount, parts, reconcile, say } from "./dom.js";
import { folding } from "./text.js";

export default function ({ data, parentElement, setTriggerValue }) {
  const root = mount(parentElement, "answers");
  const open = (target) => setTriggerValue("open", target);
  root.classList.toggle("wide", Boolean(data.is_wide));
  reconcile(root, data.answers, () => create(open), (card, answer) => update(card, answer, open));
}

function create(open) {
  const face = element("div", "face");
  const who = element("div", "strong cut");
  const what = element("div", "muted note cut");
  const action = link("action", open);
  const scores = element("div", "scores");
  const note = element("div", "muted note lacking");
  const words = folding(1200);
  const card = element("article", "card answer", element("div", "top", face, element("div", "name", who, what), action), scores, note, words);
  return parts(card, { face, who, what, action, scores, note, words });
}

function update(card, answer, open) {
  const of = card.heliosParts;
  say(of.face, answer.face.initials);
  of.face.style.background = answer.face.colour;
  say(of.who, answer.face.name);
  say(of.what, answer.what);
  of.what.title = answer.what;
  aim(of.action, answer.target, open);
  say(of.action, answer.target ? "Open" : "");
  of.action.hidden = !answer.target;
  reconcile(of.scores, answer.scores.map((score) => ({ key: score.label, ...score })), scoreNode, (node, score) => {
    say(node.heliosParts.label, score.label);
    say(node.heliosParts.value, score.value);
    node.heliosParts.bar.hidden = score.share === null;
    node.heliosParts.done.style.width = `${100 * (score.share ?? 0)}%`;
    node.heliosParts.done.style.background = score.colour ?? "";
    attribute(node, "title", score.note);
  });
  say(of.note, answer.note);
  of.words.heliosWrite(answer.words);
}

function scoreNode() {
  const label = element("span", "muted cut");
  const value = element("span", "number");
  const done = element("div", "done");
  const bar = element("div", "bar", done);
  return parts(element("div", "score", element("div", "line", label, value), bar), { label, value, bar, done });
}
