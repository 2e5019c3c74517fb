// Scores side by side: of each answer, what the expert, the judges and people gave it, and who they are.
import { attribute, element, mount, parts, reconcile, say } from "./dom.js";
import { folding } from "./text.js";

export default function ({ data, parentElement }) {
  const root = mount(parentElement, "sheet");
  root.classList.add("card");
  reconcile(root, data.subjects, create, update);
}

function create() {
  const face = element("div", "face");
  const who = element("div", "strong cut");
  const what = element("div", "muted note cut");
  const scores = element("div", "scores");
  return parts(element("section", "subject", element("div", "head", face, element("div", "name", who, what)), scores), { face, who, what, scores });
}

function update(node, subject) {
  const of = node.heliosParts;
  say(of.face, subject.face.initials);
  of.face.style.background = subject.face.colour;
  say(of.who, subject.face.name);
  say(of.what, subject.what);
  reconcile(of.scores, subject.scores, scoreNode, updateScore);
}

function scoreNode() {
  const source = element("span", "source strong");
  const value = element("span", "value number strong");
  const done = element("div", "done");
  const by = element("span", "by muted");
  const parts_ = element("div", "parts muted");
  const words = folding(260);
  const node = element("div", "score", source, value, element("div", "bar", done), by, parts_, words);
  return parts(node, { source, value, done, by, parts: parts_, words });
}

function updateScore(node, score) {
  const of = node.heliosParts;
  say(of.source, score.source);
  say(of.value, score.value);
  of.done.style.width = `${100 * (score.share ?? 0)}%`;
  attribute(of.done.parentElement, "hidden", score.share === null ? "" : null);
  say(of.by, score.by);
  say(of.parts, score.parts);
  of.words.heliosWrite(score.explanation);
}
