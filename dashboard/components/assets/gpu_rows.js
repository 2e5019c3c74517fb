// One row per card: utilisation and temperature with their lines, power, memory promised against measured.
import { aim, attribute, element, ink, line, link, mount, parts, reconcile, say, status, vector } from "./dom.js";

export default function ({ data, parentElement, setTriggerValue }) {
  const root = mount(parentElement, "rows");
  const open = (target) => setTriggerValue("open", target);
  reconcile(root, data.cards, () => create(open), (row, card) => update(row, card, open));
}

function create(open) {
  const title = element("span", "strong");
  const name = element("span", "muted");
  const state = element("div", "status");
  const identity = element("div", "identity", element("div", "cut", title, " ", name), state);
  const utilisation = chart("utilisation", true);
  const temperature = chart("temperature", false);
  const watts = element("span", "strong number");
  const limit = element("span", "muted");
  const power = element("div", "power", element("div", "muted", "power"), element("div", "", watts, " ", limit));
  const used = element("span", "strong number");
  const promised = element("span", "muted number");
  const blocks = element("div", "blocks");
  const tick = element("div", "tick");
  const measured = element("span", "", element("i", "sample"), used);
  const caption = element("div", "caption", element("span", "muted", "memory promised ", promised), measured);
  const memory = element("div", "memory", caption, element("div", "bar", blocks, tick));
  const age = element("div", "age muted number");
  const row = link("card row", open);
  row.append(identity, utilisation.node, temperature.node, power, memory, age);
  return parts(row, { title, name, state, utilisation, temperature, watts, limit, used, promised, blocks, tick, age });
}

function chart(label, isFilled) {
  const value = element("span", "strong number");
  const stroke = vector("path", { class: "stroke", fill: "none", "vector-effect": "non-scaling-stroke" });
  const fill = vector("path", { class: "fill", stroke: "none" });
  const drawing = vector("svg", { viewBox: "0 0 100 30", preserveAspectRatio: "none", "aria-hidden": "true" });
  drawing.append(...(isFilled ? [fill, stroke] : [stroke]));
  const caption = element("div", "caption", element("span", "muted", label), value);
  return { node: element("div", "chart", caption, drawing), value, stroke, fill: isFilled ? fill : null };
}

function update(row, card, open) {
  const of = row.heliosParts;
  aim(row, card.target, open);
  attribute(row, "aria-current", card.is_selected ? "true" : null);
  attribute(row, "title", card.note);
  say(of.title, card.title);
  say(of.name, card.name);
  status(of.state, card.sign);
  draw(of.utilisation, card.utilisation);
  draw(of.temperature, card.temperature);
  say(of.watts, card.power);
  say(of.limit, card.power_limit);
  say(of.used, card.memory.used);
  say(of.promised, card.memory.promised);
  reconcile(of.blocks, card.memory.blocks, () => element("div", "block"), paint);
  of.tick.hidden = card.memory.used_percent === null;
  of.tick.style.left = `${card.memory.used_percent}%`;
  attribute(of.tick, "title", `measured ${card.memory.used}`);
  say(of.age, card.age);
}

function draw(chart, { text, tone, points, low, high }) {
  say(chart.value, text);
  attribute(chart.value, "data-tone", tone);
  attribute(chart.node, "data-line", tone);
  const path = line(points, low, high);
  attribute(chart.stroke, "d", path);
  if (chart.fill) attribute(chart.fill, "d", area(path));
}

/** Close each run of a line down to the bottom of the box. */
function area(path) {
  return path
    .split("M")
    .filter(Boolean)
    .map((run) => {
      const places = run.split("L");
      return `M${places[0].split(" ")[0]} 30L${run}L${places.at(-1).split(" ")[0]} 30Z`;
    })
    .join("");
}

function paint(block, { label, left, width, colour, is_promised: isPromised, title }) {
  block.style.left = `${left}%`;
  block.style.width = `${width}%`;
  block.style.setProperty("--colour", colour);
  block.style.color = isPromised ? ink(colour) : "";
  attribute(block, "data-promised", isPromised);
  attribute(block, "title", title);
  say(block, width > 10 ? label : "");
}
