// An answer whose passages show who contributed them: by initials and a line in the expert's colour.
import { attribute, element, mount, parts, reconcile, say } from "./dom.js";

const ITEM = /^(\s*)([-*+]|\d{1,4}[.)])\s+(.*)$/s;
const HEADING = /^\s*#{1,6}\s+(.*?)\s*#*\s*$/s;
const MARKS = /(`[^`\n]+`|\*\*[^*\n]+\*\*|\[[^\]\n]{1,200}\])/;

export default function ({ data, parentElement }) {
  const root = mount(parentElement, "attributed");
  const of = (root.heliosParts ? root : create(root)).heliosParts;
  const choose = (id) => {
    root.heliosChosen = root.heliosChosen === id ? null : id;
    shade(root);
  };
  reconcile(of.legend, data.legend, () => giver(choose), updateGiver);
  say(of.method, data.method);
  const drawing = JSON.stringify([data.passages, data.legend]);
  if (of.drawing !== drawing) {
    of.drawing = drawing;
    of.text.replaceChildren(...lines(data.passages).map((line) => drawn(line, data.legend)));
  }
  shade(root);
}

function create(root) {
  root.classList.add("card");
  const legend = element("div", "legend");
  const text = element("div", "text");
  const method = element("div", "method muted");
  root.append(legend, text, method);
  return parts(root, { legend, text, method });
}

function giver(choose) {
  const face = element("span", "face");
  const name = element("span", "cut");
  const share = element("span", "number strong");
  const note = element("span", "muted number");
  const button = element("button", "giver", face, name, share, note);
  button.type = "button";
  button.addEventListener("click", () => choose(button.heliosId));
  return parts(button, { face, name, share, note });
}

function updateGiver(button, item) {
  const of = button.heliosParts;
  button.heliosId = item.key;
  say(of.face, item.initials);
  of.face.style.background = item.colour;
  say(of.name, item.name);
  say(of.share, item.share);
  say(of.note, item.note);
  attribute(button, "title", `Show what ${item.name} contributed`);
}

/** Passages in lines: none of them goes beyond the end of its own. */
function lines(passages) {
  const found = [];
  let open = null;
  for (const passage of passages) {
    if (!open) found.push((open = []));
    open.push(passage);
    if (passage.text.endsWith("\n")) open = null;
  }
  return found;
}

function drawn(line, legend) {
  const first = line[0].text;
  const heading = HEADING.exec(first);
  const item = ITEM.exec(first);
  const block = element(item ? "div" : "p", item ? "item" : heading && line.length === 1 ? "heading" : "");
  let body = block;
  if (item) {
    block.style.marginLeft = `${Math.min(3, Math.floor(item[1].length / 2)) * 1.1}rem`;
    body = element("span");
    block.append(element("span", "bullet", /\d/.test(item[2]) ? item[2] : "•"), body);
  }
  line.forEach((passage, index) => {
    const text = index ? passage.text : item ? item[3] : heading ? heading[1] : passage.text;
    body.append(span(text, passage, legend));
  });
  return block;
}

function span(text, passage, legend) {
  const node = element("span", "passage");
  const words = element("span", passage.who.length ? "given" : "own");
  for (const part of kept(text, passage).split(MARKS)) {
    if (!part) continue;
    if (MARKS.test(part) && part[0] === "`") words.append(element("code", "", part.slice(1, -1)));
    else if (MARKS.test(part) && part[0] === "*") words.append(element("strong", "", part.slice(2, -2)));
    else words.append(part);
  }
  node.append(words);
  const givers = passage.who.map(({ id, share }) => ({ ...legend.find(({ key }) => key === id), part: share }));
  node.heliosGivers = new Set(passage.who.length ? passage.who.map(({ id }) => id) : [""]);
  if (givers.length) {
    words.style.backgroundImage = gradient(givers);
    node.append(element("sup", "by", givers.map(({ initials }) => initials).join(" ")));
  }
  node.append(" ");
  node.title = givers.length ? `${givers.map(({ name, part }) => `${name} ${Math.round(100 * part)} %`).join(", ")} (${passage.basis})` : "The writer's own words";
  return node;
}

/** The passage's words: the initials that follow say what its citations say. */
function kept(text, passage) {
  return (passage.basis === "cited" ? text.replace(/[ \t]*\[[^\]\n]{1,200}\](?!\()/g, "") : text).trimEnd();
}

function gradient(givers) {
  let place = 0;
  const stops = givers.map(({ colour, part }) => `${colour} ${100 * place}% ${100 * (place += part)}%`);
  return `linear-gradient(to right, ${stops.join(", ")}, ${givers.at(-1).colour} 100%)`; // one stop alone is none
}

function shade(root) {
  const chosen = root.heliosChosen ?? null;
  for (const node of root.querySelectorAll(".passage")) node.classList.toggle("dim", chosen !== null && !node.heliosGivers.has(chosen));
  for (const node of root.querySelectorAll(".giver")) attribute(node, "aria-pressed", String(node.heliosId === chosen));
}
