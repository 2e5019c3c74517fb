// Lines over time in rows that share one axis, and states below them. Drag to zoom, double click for the whole range:
// the zoom is kept here, so that no refresh takes it away.
import { attribute, element, mount, parts, reconcile, say, vector } from "./dom.js";

const STEPS = [1, 5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800];
const TICK_PIXELS = 80;
const LEAST_DRAG_PIXELS = 6;

export default function ({ data, parentElement }) {
  const root = mount(parentElement, "time-chart");
  root.heliosChart ??= new Chart(root);
  root.heliosChart.show(data);
}

class Chart {
  constructor(root) {
    this.root = root;
    this.rows = element("div", "rows");
    this.cursor = element("div", "cursor");
    this.chosen = element("div", "chosen");
    this.ticks = element("div", "ticks");
    this.glass = element("div", "glass", this.cursor, this.chosen);
    this.glass.tabIndex = 0;
    root.append(this.rows, this.glass, this.ticks);
    this.zoom = null;
    this.at = null;
    this.listen();
    new ResizeObserver(() => this.data && this.draw()).observe(root);
  }

  listen() {
    const glass = this.glass;
    glass.addEventListener("pointermove", (event) => this.point(event));
    glass.addEventListener("pointerleave", () => this.leave());
    glass.addEventListener("pointerdown", (event) => this.grab(event));
    glass.addEventListener("pointerup", (event) => this.release(event));
    glass.addEventListener("dblclick", () => this.look(null));
    glass.addEventListener("keydown", (event) => event.key === "Escape" && this.look(null));
  }

  show(data) {
    if (data.key !== this.data?.key || data.length !== this.data?.length) this.zoom = null;
    this.data = data;
    attribute(this.glass, "aria-label", `${data.title}. Drag to zoom, Escape for the whole range.`);
    this.draw();
  }

  /** The first and the last second that are shown, counted from 1970. */
  get view() {
    const [first, last] = [this.data.start, this.data.start + this.data.length];
    return this.zoom && this.zoom[1] > first ? this.zoom : [first, last];
  }

  look(range) {
    this.zoom = range;
    this.draw();
  }

  draw() {
    const [first, last] = this.view;
    attribute(this.root, "data-zoomed", this.zoom ? "true" : null);
    const ticks = ticksBetween(first, last, this.glass.clientWidth, this.data.offset);
    reconcile(this.rows, this.data.rows, createRow, (node, row) => this.drawRow(node, row, ticks));
    const marks = ticks.map((at) => ({ key: at, at }));
    reconcile(this.ticks, marks, () => element("span", "tick number"), (node, { at }) => {
      node.style.left = `${(100 * (at - first)) / (last - first)}%`;
      say(node, moment(at + this.data.offset, last - first));
    });
    this.read();
  }

  drawRow(node, row, ticks) {
    const { label, drawing, grid, lines, limits, spans, high, low } = node.heliosParts;
    const [first, last] = this.view;
    const start = this.data.start;
    say(label, row.label);
    node.style.setProperty("--height", `${row.height}px`);
    attribute(drawing, "viewBox", `${first - start} ${-row.high} ${last - first} ${row.high - row.low}`);
    attribute(grid, "d", ticks.map((at) => `M${at - start} ${-row.high}V${-row.low}`).join(""));
    const drawn = row.lines.flatMap((line, key) => draw(line, key, this.data.step, row.low));
    reconcile(lines, drawn, () => vector("path", { "vector-effect": "non-scaling-stroke" }), paintLine);
    reconcile(limits, row.limits, createLimit, (limit, { value, colour, title }) => {
      limit.style.bottom = `${(100 * (value - row.low)) / (row.high - row.low)}%`;
      limit.style.borderColor = colour;
      attribute(limit, "title", title);
    });
    reconcile(spans, row.spans, () => element("div", "span"), (span, { from, to, word, colour }) => {
      const [left, right] = [from, to].map((at) => Math.min(Math.max((start + at - first) / (last - first), 0), 1));
      span.style.cssText = `left:${100 * left}%;width:${100 * (right - left)}%;background:${colour}`;
      say(span, (right - left) * this.glass.clientWidth > 7 * word.length ? word : "");
    });
    say(high, row.spans.length ? "" : number(row.high));
    say(low, row.spans.length ? "" : number(row.low));
  }

  /** Write beside each row what it holds under the cursor. */
  read() {
    const { start, step, rows, offset } = this.data;
    const [first, last] = this.view;
    this.cursor.hidden = this.at === null;
    if (this.at !== null) this.cursor.style.left = `${(100 * (this.at - first)) / (last - first)}%`;
    say(this.cursor, this.at === null ? "" : moment(this.at + offset, 0));
    [...this.rows.children].forEach((node, index) => {
      say(node.heliosParts.value, this.at === null ? rows[index].unit : readout(rows[index], this.at - start, step));
    });
  }

  second(event) {
    const box = this.glass.getBoundingClientRect();
    const [first, last] = this.view;
    return first + Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * (last - first);
  }

  point(event) {
    this.at = this.second(event);
    if (this.from) this.mark(event);
    this.read();
  }

  leave() {
    this.at = null;
    this.read();
  }

  grab(event) {
    if (event.button || event.pointerType === "touch") return;
    this.from = { x: event.clientX, second: this.second(event) };
    this.glass.setPointerCapture(event.pointerId);
  }

  mark(event) {
    const box = this.glass.getBoundingClientRect();
    const [left, right] = [this.from.x, event.clientX].sort((a, b) => a - b);
    this.chosen.style.cssText = `left:${left - box.left}px;width:${right - left}px`;
  }

  release(event) {
    const from = this.from;
    this.from = null;
    this.chosen.style.cssText = "width:0";
    if (!from || Math.abs(event.clientX - from.x) < LEAST_DRAG_PIXELS) return;
    const [first, last] = [from.second, this.second(event)].sort((a, b) => a - b);
    if (last - first >= 2 * this.data.step) this.look([first, last]);
  }
}

function createRow() {
  const [label, value] = [element("span", "muted"), element("span", "value number")];
  const [grid, lines] = [vector("path", { class: "grid", "vector-effect": "non-scaling-stroke" }), vector("g", {})];
  const drawing = vector("svg", { preserveAspectRatio: "none", "aria-hidden": "true" });
  drawing.append(grid, lines);
  const [limits, spans] = [element("div", "limits"), element("div", "spans")];
  const [high, low] = [element("span", "scale high number"), element("span", "scale low number")];
  const plot = element("div", "plot", drawing, spans, limits, high, low);
  const row = element("div", "row", element("div", "caption", label, value), plot);
  return parts(row, { label, value, drawing, grid, lines, limits, spans, high, low });
}

function createLimit() {
  return element("div", "limit");
}

/** A line's path and, where it is filled, the area below it: in seconds from the start, and in its unit upside down. */
function draw({ points, colour, is_filled: isFilled }, key, step, low) {
  const runs = [[]];
  points.forEach((value, index) => {
    if (value === null) runs.push([]);
    else runs.at(-1).push(`${index * step} ${-value}`);
  });
  const known = runs.filter((run) => run.length);
  const path = known.map((run) => `M${run.join("L")}${run.length === 1 ? "h0" : ""}`).join("");
  const edge = (place) => place.split(" ")[0];
  const area = known.map((run) => `M${edge(run[0])} ${-low}L${run.join("L")}L${edge(run.at(-1))} ${-low}Z`).join("");
  const stroke = { key: `${key} line`, path, colour, fill: "none" };
  return isFilled ? [{ key: `${key} area`, path: area, colour: "none", fill: colour }, stroke] : [stroke];
}

function paintLine(node, { path, colour, fill }) {
  attribute(node, "d", path);
  attribute(node, "stroke", colour);
  attribute(node, "fill", fill);
}

function ticksBetween(first, last, width, offset) {
  const wanted = Math.max(2, Math.floor(width / TICK_PIXELS));
  const step = STEPS.find((seconds) => (last - first) / seconds <= wanted) ?? STEPS.at(-1);
  const ticks = [];
  for (let at = Math.ceil((first + offset) / step) * step - offset; at < last; at += step) ticks.push(at);
  return ticks;
}

/** The time of day, with the day where the range is long. `at` is in the reader's zone already. */
function moment(at, length) {
  const iso = new Date(at * 1000).toISOString();
  if (length > 2 * 86400) return `${iso.slice(8, 10)}.${iso.slice(5, 7)}.`;
  return iso.slice(11, length > 600 ? 16 : 19);
}

/** What a row holds at a second after the start, in words. */
function readout({ lines, spans, unit }, second, step) {
  if (spans.length) return spans.find(({ from, to }) => from <= second && second < to)?.word ?? "n/a";
  const value = lines[0]?.points[Math.floor(second / step)] ?? null;
  return value === null ? "n/a" : `${number(value)} ${unit}`;
}

function number(value) {
  return Math.abs(value) < 10 && value % 1 ? value.toFixed(1) : String(Math.round(value));
}
