// The map agents x cards. Each cell is a button that puts its agent there in the draft.
import { attribute, element, mount, parts, reconcile, say } from "./dom.js";

const MARKS = { here: "●", leaving: "○", coming: "◆", asked: "◇", refused: "✕", free: "" };
const WORDS = { here: "here now", leaving: "leaves", coming: "comes here", asked: "asked for", refused: "refused", free: "" };
const WHO = { key: "who", kind: "who", title: "agent" };
const MEMORY = { key: "memory", kind: "memory", title: "promised · measured" };

export default function ({ data, parentElement, setTriggerValue }) {
  const root = mount(parentElement, "board");
  if (!root.heliosParts) build(root);
  const { heads, rows } = root.heliosParts;
  const put = (agent, column) => setTriggerValue("put", { agent, column });
  reconcile(heads, [WHO, MEMORY, ...data.columns], createHead, (head, { title }) => say(head, title));
  reconcile(rows, data.agents, () => element("tr", "agent"), (row, agent) => {
    const cells = agent.cells.map((cell) => ({ ...cell, kind: "place" }));
    reconcile(row, [WHO, MEMORY, ...cells], create, (cell, item) => UPDATES[item.kind](cell, agent, item, put));
  });
}

function build(root) {
  const heads = element("tr");
  const rows = element("tbody");
  root.appendChild(element("div", "scroll", element("table", "", element("thead", "", heads), rows)));
  parts(root, { heads, rows });
}

function createHead({ kind }) {
  const head = element("th", kind ?? "column");
  head.setAttribute("scope", "col");
  return head;
}

function create({ kind }) {
  return { who: createWho, memory: createMemory, place: createPlace }[kind]();
}

function createWho() {
  const portrait = element("span", "face");
  const name = element("div", "strong cut");
  const model = element("div", "muted cut");
  const who = element("th", "who", element("div", "person", portrait, element("div", "text", name, model)));
  who.setAttribute("scope", "row");
  return parts(who, { portrait, name, model });
}

function createMemory() {
  const figures = element("div");
  const note = element("div", "note muted");
  return parts(element("td", "memory number", figures, note), { figures, note });
}

function createPlace() {
  const button = element("button", "cell");
  button.type = "button";
  button.addEventListener("click", () => button.heliosPut());
  return parts(element("td", "place", button), { button });
}

const UPDATES = { who: updateWho, memory: updateMemory, place: updatePlace };

function updateWho(cell, agent) {
  const of = cell.heliosParts;
  say(of.portrait, agent.initials);
  of.portrait.style.background = agent.colour;
  say(of.name, agent.name);
  say(of.model, agent.model);
}

function updateMemory(cell, agent) {
  say(cell.heliosParts.figures, agent.memory);
  say(cell.heliosParts.note, agent.note);
}

function updatePlace(cell, agent, { key, state, label }, put) {
  const { button } = cell.heliosParts;
  const spoken = WORDS[state] ? `${label}: ${WORDS[state]}` : label;
  attribute(button, "data-state", state);
  attribute(button, "aria-label", spoken);
  attribute(button, "title", spoken);
  attribute(button, "aria-pressed", state === "here" || state === "coming");
  button.disabled = agent.configuration === null;
  button.heliosPut = () => put(agent.configuration, key);
  say(button, MARKS[state]);
}
