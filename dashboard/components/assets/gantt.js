// Delegations as bars in time, a lane for each agent; the axis is the viewer's clock.
import { attribute, element, mount, parts, vector } from "./dom.js";
import { scale, ticks } from "./axis.js";
import { drawLanes, drawLegend, hatch, showTip } from "./lanes.js";

export default function ({ data, parentElement }) {
  const root = mount(parentElement, "gantt");
  const of = (root.heliosParts ? root : create(root)).heliosParts;
  const drawing = JSON.stringify(data);
  if (of.drawing === drawing && of.width === of.plot.clientWidth) return;
  Object.assign(of, { drawing, data });
  draw(of);
}

function create(root) {
  root.classList.add("card");
  const legend = element("div", "legend");
  const svg = vector("svg", { role: "img", "aria-label": "Delegations in time" });
  const tip = element("div", "tip card");
  const plot = element("div", "plot", svg, tip);
  root.append(legend, plot);
  tip.hidden = true;
  const of = parts(root, { legend, svg, tip, plot }).heliosParts;
  plot.addEventListener("pointermove", (event) => showTip(tip, plot, event));
  plot.addEventListener("pointerleave", () => (tip.hidden = true));
  new ResizeObserver(() => of.data && of.width !== plot.clientWidth && draw(of)).observe(plot);
  return root;
}

function draw(of) {
  const { data, svg, plot } = of;
  of.width = plot.clientWidth;
  if (!of.width) return;
  const isWide = of.width > 640;
  const gutter = isWide ? 158 : 36;
  const axis = scale(data.length, gutter, of.width - 22);
  svg.replaceChildren(hatch());
  const bottom = drawLanes(svg, data.lanes, axis, { top: 8, row: 26, gutter });
  const local = data.origin_ms / 1000 - 60 * new Date(data.origin_ms).getTimezoneOffset();
  for (const value of ticks(axis, false, local)) {
    const text = vector("text", { class: "tick", x: axis.x(value), y: bottom + 18 });
    text.textContent = clock(data.origin_ms + 1000 * value, data.length);
    svg.append(vector("line", { class: "rule", x1: axis.x(value), x2: axis.x(value), y1: 4, y2: bottom + 4 }), text);
  }
  attribute(svg, "width", of.width);
  attribute(svg, "height", bottom + 26);
  drawLegend(of.legend, data.legend);
}

/** The time of day; with its date where the axis spans more than a day. */
function clock(milliseconds, seconds) {
  const at = new Date(milliseconds);
  const time = at.toLocaleTimeString("en-GB", seconds > 600 ? { hour: "2-digit", minute: "2-digit" } : {});
  return seconds > 86400 ? `${at.toLocaleDateString("en-GB", { day: "numeric", month: "short" })} ${time}` : time;
}
