// Swimlanes: a lane per agent, in it what was asked of the agent and what it said, on the axis of the page.
import { element, reconcile, say, vector } from "./dom.js";

const BAR = 14;

/** Draw `lanes` below `top`, and return where each lane runs and where they end. */
export function drawLanes(svg, lanes, axis, { top, row, gutter }) {
  const ys = new Map(lanes.map((lane, index) => [lane.id, top + index * row + row / 2]));
  lanes.forEach((lane) => {
    const y = ys.get(lane.id);
    svg.append(label(lane, y, gutter), vector("line", { class: "rule", x1: axis.left, x2: axis.right, y1: y + row / 2, y2: y + row / 2 }));
    lane.tasks.forEach((task) => svg.append(taskBar(task, y, axis)));
    lane.marks.forEach((mark) => svg.append(markOf(mark, y, axis, lane.colour)));
  });
  svg.prepend(...lanes.flatMap((lane) => lane.tasks.filter((task) => ys.has(task.asked_by)).map((task) => arrow(task, ys, lane.id, axis))));
  return top + lanes.length * row;
}

function label(lane, y, gutter) {
  if (lane.is_more) return vector("g", {});
  const group = vector("g", { "data-tip": lane.name });
  if (gutter < 100) {
    const letters = vector("text", { class: "initials", x: 15, y: y + 3.5 });
    letters.textContent = lane.initials;
    group.append(vector("circle", { cx: 15, cy: y, r: 10.5, fill: lane.colour }), letters);
    return group;
  }
  const name = vector("text", { class: "lane", x: 18, y: y + 4 });
  name.textContent = cut(lane.name, (gutter - 26) / 6.5);
  group.append(vector("circle", { cx: 6, cy: y, r: 5, fill: lane.colour }), name);
  return group;
}

function taskBar(task, y, axis) {
  const group = vector("g", { "data-tip": task.tip });
  const [from, to] = [axis.x(task.start), Math.max(axis.x(task.end), axis.x(task.start) + 3)];
  const parts = task.segments.length ? task.segments : [{ kind: task.is_order ? "span" : "unknown", start: task.start, end: task.end }];
  for (const { kind, start, end } of parts) {
    const x = axis.x(start);
    group.append(vector("rect", { class: `segment ${kind}`, x, y: y - BAR / 2, width: Math.max(axis.x(end) - x - 0.6, 1), height: BAR, rx: 2 }));
  }
  if (task.has_failed) group.append(vector("rect", { class: "segment failed", x: to - 4, y: y - BAR / 2, width: 5, height: BAR, rx: 1.5 }));
  if (task.is_open) group.append(vector("path", { class: "open", d: `M${to - 1} ${y - BAR / 2} l5 ${BAR / 2} l-5 ${BAR / 2}` }));
  group.append(vector("rect", { class: "hit", x: from, y: y - BAR / 2 - 2, width: to - from, height: BAR + 4 }));
  return group;
}

function markOf(mark, y, axis, colour) {
  const x = axis.x(mark.at);
  const attributes = { class: `mark ${mark.kind}`, fill: colour, "data-tip": mark.tip };
  if (mark.kind === "synthesis") return vector("path", { ...attributes, d: `M${x} ${y - 6} l6 6 l-6 6 l-6 -6 z` });
  return vector("circle", { ...attributes, cx: x, cy: y, r: 3.6 });
}

function arrow(task, ys, laneId, axis) {
  const [x1, y1, x2, y2] = [axis.x(task.asked_at), ys.get(task.asked_by), axis.x(task.start), ys.get(laneId)];
  const bend = Math.min(30, Math.max(0, x2 - x1) / 2);
  return vector("path", { class: "arrow", d: `M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}` });
}

export function cut(text, characters) {
  return text.length <= characters ? text : `${text.slice(0, Math.max(1, Math.floor(characters) - 1)).trimEnd()}…`;
}

/** What a segment is filled with that nobody measured. */
export function hatch() {
  const pattern = vector("pattern", { id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" });
  pattern.append(vector("rect", { class: "hatch-ground", width: 6, height: 6 }), vector("rect", { class: "hatch-line", width: 2, height: 6 }));
  const definitions = vector("defs", {});
  definitions.append(pattern);
  return definitions;
}

export function drawLegend(legend, kinds) {
  reconcile(legend, kinds.map((kind) => ({ key: kind.kind, ...kind })), ({ kind }) => {
    const swatch = vector("svg", { width: 12, height: 12, "aria-hidden": "true" });
    swatch.append(hatch(), vector("rect", { class: `segment ${kind}`, width: 12, height: 12, rx: 3 }));
    return element("span", "kind", swatch, element("span"));
  }, (node, { label }) => say(node.lastChild, label));
}

/** Show what is under the pointer, beside it. */
export function showTip(tip, plot, event, isHeld = false) {
  const told = event.target.closest?.("[data-tip]");
  tip.hidden = !told || isHeld;
  if (tip.hidden) return;
  say(tip, told.getAttribute("data-tip"));
  const box = plot.getBoundingClientRect();
  const x = Math.min(event.clientX - box.left + 12, box.width - tip.offsetWidth - 4);
  tip.style.transform = `translate(${Math.max(0, x)}px, ${event.clientY - box.top + 16}px)`;
}
