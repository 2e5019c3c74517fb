// A conversation under way: the phases, how it stands, and what is being written, as it comes.
import { attribute, element, mount, parts, reconcile, say, status } from "./dom.js";
import { write } from "./text.js";

export default function ({ data, parentElement }) {
  const root = mount(parentElement, "watch");
  const of = (root.heliosParts ? root : create(root)).heliosParts;
  reconcile(of.phases, data.phases, () => element("li"), (node, phase) => {
    say(node, phase.key);
    attribute(node, "data-state", phase.state);
    attribute(node, "aria-current", phase.state === "now" ? "step" : null);
  });
  status(of.state, data.sign);
  say(of.facts, data.facts);
  say(of.rehearsal, data.rehearsal && `◇ ${data.rehearsal}`);
  reconcile(of.writing, data.writing, writer, update);
  say(of.quiet, data.quiet);
}

function create(root) {
  root.classList.add("card");
  const phases = element("ol", "phases");
  const state = element("span", "status");
  const facts = element("span", "muted number");
  const rehearsal = element("span", "rehearsal muted");
  const writing = element("div", "writing");
  const quiet = element("div", "quiet muted");
  state.setAttribute("role", "status");
  root.append(phases, element("div", "line", state, facts, rehearsal), writing, quiet);
  return parts(root, { phases, state, facts, rehearsal, writing, quiet });
}

function writer() {
  const face = element("div", "face");
  const name = element("span", "strong");
  const what = element("span", "muted number");
  const words = element("div", "words");
  const box = element("div", "box", words);
  box.tabIndex = 0;
  return parts(element("article", "writer", element("div", "top", face, name, what), box), { face, name, what, words, box });
}

function update(node, item) {
  const of = node.heliosParts;
  say(of.face, item.face.initials);
  of.face.style.background = item.face.colour;
  say(of.name, item.face.name);
  say(of.what, item.what);
  const followed = of.box.scrollHeight - of.box.scrollTop - of.box.clientHeight < 40;
  write(of.words, item.words);
  if (followed) of.box.scrollTop = of.box.scrollHeight; // who scrolled up to read is left there
}
