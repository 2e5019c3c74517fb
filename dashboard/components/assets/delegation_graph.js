// Who asked whom: agents in columns by how far they are from the one who began, an arrow for each pair that was recorded.
import { attribute, element, mount, parts, say, vector } from "./dom.js";

const [ROW, RADIUS] = [58, 15];

export default function ({ data, parentElement }) {
  const root = mount(parentElement, "graph");
  const of = (root.heliosParts ? root : create(root)).heliosParts;
  const drawing = JSON.stringify(data);
  if (of.drawing === drawing && of.width === of.plot.clientWidth) return;
  Object.assign(of, { drawing, data });
  draw(of);
}

function create(root) {
  root.classList.add("card");
  const svg = vector("svg", { role: "img" });
  const plot = element("div", "plot", svg);
  const note = element("div", "muted note");
  root.append(element("div", "strong", "Who asked whom"), plot, note);
  const of = parts(root, { svg, plot, note }).heliosParts;
  new ResizeObserver(() => of.data && of.width !== plot.clientWidth && draw(of)).observe(plot);
  return root;
}

function draw(of) {
  const { data, svg, plot, note } = of;
  of.width = plot.clientWidth;
  if (!of.width) return;
  const columns = [];
  data.nodes.forEach((node) => (columns[node.depth] ??= []).push(node));
  const height = Math.max(...columns.map((column) => column.length), 1) * ROW + 8;
  const margin = Math.min(62, of.width / 6);
  const step = (of.width - 2 * margin) / Math.max(1, columns.length - 1);
  const place = new Map();
  columns.forEach((column, depth) => column.forEach((node, index) => {
    place.set(node.id, { x: columns.length === 1 ? of.width / 2 : margin + depth * step, y: (height / column.length) * (index + 0.5) - 8, node });
  }));
  const edges = data.edges.flatMap((edge) => arc(edge, place.get(edge.from), place.get(edge.to)));
  svg.replaceChildren(arrowhead(), ...edges, ...[...place.values()].map((spot) => person(spot, step)));
  attribute(svg, "width", of.width);
  attribute(svg, "height", height + 8);
  attribute(svg, "aria-label", data.edges.map((edge) => edge.tip).join("; "));
  say(note, data.note);
}

function arrowhead() {
  const marker = vector("marker", { id: "head", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, markerUnits: "userSpaceOnUse", orient: "auto" });
  marker.append(vector("path", { class: "head-shape", d: "M0 0 L8 4 L0 8 z" }));
  const definitions = vector("defs", {});
  definitions.append(marker);
  return definitions;
}

/** A straight arrow forward; back and within a column it bends, so that each direction shows. */
function arc(edge, from, to) {
  if (!from || !to || from === to) return [];
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy) || 1;
  const [ux, uy] = [dx / length, dy / length];
  const bend = from.node.depth < to.node.depth ? 0 : 0.22 * length;
  const [x1, y1, x2, y2] = [from.x + ux * RADIUS, from.y + uy * RADIUS, to.x - ux * (RADIUS + 3), to.y - uy * (RADIUS + 3)];
  const middle = { x: x1 + (x2 - x1) * 0.62 - uy * bend, y: y1 + (y2 - y1) * 0.62 + ux * bend };
  const path = vector("path", { class: "edge", "stroke-width": Math.min(3.5, 0.9 + 0.35 * edge.count), "marker-end": "url(#head)", d: bend ? `M${x1} ${y1} Q${middle.x - uy * bend} ${middle.y + ux * bend} ${x2} ${y2}` : `M${x1} ${y1} L${x2} ${y2}` });
  const tip = vector("title", {});
  tip.textContent = edge.tip;
  path.append(tip);
  const count = vector("text", { class: "count", x: middle.x, y: middle.y + 4 });
  count.textContent = `${edge.count}×`;
  return [path, count];
}

function person({ x, y, node }, room) {
  const group = vector("g", {});
  const letters = vector("text", { class: "initials", x, y: y + 4 });
  letters.textContent = node.initials;
  const name = vector("text", { class: "name", x, y: y + RADIUS + 14 });
  const fits = Math.max(9, Math.floor(Math.min(room || 160, 130) / 6));
  name.textContent = node.name.length > fits ? `${node.name.slice(0, fits - 1)}…` : node.name;
  const tip = vector("title", {});
  tip.textContent = node.name;
  group.append(vector("circle", { cx: x, cy: y, r: RADIUS, fill: node.colour }), letters, name, tip);
  return group;
}
