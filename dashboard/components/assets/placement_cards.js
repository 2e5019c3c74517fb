// Cards side by side: a bar of what is promised now, one of what a draft makes of it, and the measured use as a tick.
import { attribute, element, ink, mount, parts, reconcile, say, status } from "./dom.js";

export default function ({ data, parentElement }) {
  reconcile(mount(parentElement, "cards"), data.cards, create, update);
}

function create() {
  const title = element("span", "strong");
  const name = element("span", "muted");
  const heat = element("span", "number");
  const state = element("span", "status");
  const bars = element("div", "bars");
  const told = element("div", "told number");
  const troubles = element("ul", "troubles");
  const head = element("div", "head", element("span", "cut", title, " ", name), element("span", "state", heat, " ", state));
  return parts(element("section", "card gpu", head, bars, told, troubles), { title, name, heat, state, bars, told, troubles });
}

function update(card, data) {
  const of = card.heliosParts;
  say(of.title, data.title);
  say(of.name, data.name);
  say(of.heat, data.heat);
  status(of.state, data.sign);
  reconcile(of.bars, data.bars, createBar, updateBar);
  say(of.told, data.told);
  reconcile(of.troubles, data.troubles.map((text, key) => ({ key, text })), () => element("li"), (node, { text }) => say(node, text));
}

function createBar() {
  const label = element("span", "label muted");
  const blocks = element("div", "blocks");
  const tick = element("div", "tick");
  const bar = element("div", "bar", blocks, tick);
  bar.setAttribute("role", "img");
  return parts(element("div", "row", label, bar), { label, blocks, tick, bar });
}

function updateBar(row, data) {
  const of = row.heliosParts;
  say(of.label, data.label);
  attribute(of.bar, "aria-label", data.spoken);
  attribute(of.bar, "data-kind", data.key);
  reconcile(of.blocks, data.blocks, () => element("div", "block"), paint);
  of.tick.hidden = data.tick === null;
  if (data.tick !== null) of.tick.style.left = `${data.tick}%`;
  attribute(of.tick, "title", "measured use");
}

function paint(node, block) {
  node.style.left = `${block.left}%`;
  node.style.width = `${block.width}%`;
  node.style.background = block.colour;
  node.style.color = ink(block.colour);
  attribute(node, "title", block.title);
  say(node, block.width > 9 ? block.label : "");
}
