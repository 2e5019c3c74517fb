// One clock: phases, swimlanes and cards on one axis, with one scrubber.
import { attribute, element, mount, parts, say, vector } from "./dom.js";
import { elapsed, scale, ticks } from "./axis.js";
import { cut, drawLanes, drawLegend, hatch, showTip } from "./lanes.js";
import { Scrubber } from "./scrubber.js";

export default function ({ data, parentElement, setStateValue }) {
  const root = mount(parentElement, "clock");
  const of = (root.heliosParts ?? create(root)).heliosParts ?? root.heliosParts;
  const drawing = JSON.stringify(data);
  of.data = data;
  of.tell = (moment) => setStateValue("moment", moment);
  if (of.drawing === drawing && of.width === of.plot.clientWidth) {
    of.scrubber.tell = of.tell;
    return;
  }
  of.drawing = drawing;
  draw(of);
}

function create(root) {
  root.classList.add("card");
  const legend = element("div", "legend");
  const back = button("◀◀", "Show the whole conversation");
  const play = button("▶ replay", "Replay");
  const svg = vector("svg", { "aria-hidden": "true" });
  const tip = element("div", "tip card");
  const plot = element("div", "plot", svg, tip);
  const note = element("div", "note muted");
  plot.tabIndex = 0;
  root.append(element("div", "head", element("div", "strong", "One clock"), legend, element("div", "buttons", back, play)), plot, note);
  const of = parts(root, { legend, back, play, svg, tip, plot, note }).heliosParts;
  of.scrubber = new Scrubber(plot, (moment) => show(of, moment));
  back.addEventListener("click", () => ((of.scrubber.isPlaying = false), of.scrubber.move(null)));
  play.addEventListener("click", () => of.scrubber.toggle());
  plot.addEventListener("pointermove", (event) => showTip(tip, plot, event, of.scrubber.isHeld));
  plot.addEventListener("pointerleave", () => (tip.hidden = true));
  new ResizeObserver(() => of.data && of.width !== plot.clientWidth && draw(of)).observe(plot);
  tip.hidden = true;
  return root;
}

function button(text, name) {
  const node = element("button", "", text);
  node.type = "button";
  attribute(node, "aria-label", name);
  return node;
}

function draw(of) {
  const { data, svg, plot } = of;
  of.width = plot.clientWidth;
  if (!of.width) return;
  const isWide = of.width > 640;
  const gutter = isWide ? 158 : 36;
  const axis = scale(data.length, gutter, of.width - 22);
  svg.replaceChildren(hatch());
  drawPhases(svg, data.phases, axis);
  let bottom = drawLanes(svg, data.lanes, axis, { top: data.phases.length ? 38 : 8, row: isWide ? 24 : 26, gutter });
  data.gpus.forEach((gpu) => (bottom = drawGpu(svg, gpu, axis, bottom + (gpu.slow.length ? 16 : 8), isWide)));
  drawAxis(svg, axis, bottom + 4, data.is_order);
  of.line = vector("line", { class: "moment", y1: 0, y2: bottom + 6 });
  of.flag = vector("g", { class: "flag" });
  of.flagText = vector("text", { y: bottom + 18 });
  of.flagBox = vector("rect", { y: bottom + 5, height: 19, rx: 4 });
  of.flag.append(of.flagBox, of.flagText);
  svg.append(of.line, of.flag);
  attribute(svg, "width", of.width);
  attribute(svg, "height", bottom + 26);
  drawLegend(of.legend, data.legend);
  say(of.note, data.note);
  of.note.hidden = !data.note;
  of.scrubber.renew({ axis, isOrder: data.is_order, tell: (moment) => of.tell(moment) });
}

function drawPhases(svg, phases, axis) {
  for (const phase of phases) {
    const x = axis.x(phase.start);
    const width = Math.max(axis.x(phase.end) - x - 1, 1.5);
    const group = vector("g", { class: "phase", "data-tip": phase.tip, style: `--depth: ${phase.depth}` });
    group.append(vector("rect", { x, y: 4, width, height: 22, rx: 4 }));
    if (width > 46) {
      const text = vector("text", { x: x + 6, y: 19 });
      text.textContent = cut(phase.label, (width - 8) / 6.6);
      const rest = (width - 8) / 6.6 - phase.label.length;
      if (rest > phase.duration.length + 1) {
        const duration = vector("tspan", { class: "faint", dx: 5 });
        duration.textContent = phase.duration;
        text.append(duration);
      }
      group.append(text);
    }
    svg.append(group);
  }
}

function drawGpu(svg, gpu, axis, top, isWide) {
  const height = 30;
  const name = vector("text", { class: "lane", x: 0, y: top + 13, "data-tip": gpu.name });
  name.textContent = isWide ? gpu.label : gpu.label.replace("GPU ", "G");
  const detail = vector("text", { class: "lane faint", x: 0, y: top + 26 });
  detail.textContent = isWide ? "utilisation" : "";
  const step = gpu.points.length > 1 ? (gpu.end - gpu.start) / (gpu.points.length - 1) : 0;
  const group = vector("g", { class: "gpu", "data-tip": gpu.tip });
  for (const run of runs(gpu.points)) {
    const place = ([index, value]) => `${axis.x(gpu.start + index * step).toFixed(1)} ${(top + height - (value / 100) * (height - 2)).toFixed(1)}`;
    const path = run.map(place).join(" L");
    const [first, last] = [axis.x(gpu.start + run[0][0] * step), axis.x(gpu.start + run.at(-1)[0] * step)];
    group.append(vector("path", { class: "area", d: `M${path} L${last} ${top + height} L${first} ${top + height} Z` }), vector("path", { class: "line", d: `M${path}` }));
  }
  for (const slow of gpu.slow) {
    group.append(vector("line", { class: "slow", x1: axis.x(slow.start), x2: Math.max(axis.x(slow.end), axis.x(slow.start) + 2), y1: top + 1, y2: top + 1, "data-tip": `${gpu.label}: ${slow.label}` }));
  }
  if (gpu.slow.length) {
    const sign = vector("text", { class: "slow-sign", x: Math.min(axis.x(gpu.slow[0].start), axis.right - 110), y: top - 2 });
    sign.textContent = `▲ ${gpu.slow[0].label}`;
    group.append(sign);
  }
  svg.append(name, detail, group, vector("line", { class: "rule", x1: axis.left, x2: axis.right, y1: top + height, y2: top + height }));
  return top + height;
}

/** Stretches of readings without a gap: [[index, value], …] each. */
function runs(points) {
  const found = [];
  let run = null;
  points.forEach((value, index) => {
    if (value === null) run = null;
    else if (run) run.push([index, value]);
    else found.push((run = [[index, value]]));
  });
  return found;
}

function drawAxis(svg, axis, y, isOrder) {
  for (const value of ticks(axis, isOrder)) {
    const x = axis.x(value);
    const text = vector("text", { class: "tick", x, y: y + 14 });
    text.textContent = isOrder ? value : elapsed(value);
    svg.append(vector("line", { class: "rule", x1: x, x2: x, y1: y - 4, y2: y }), text);
  }
}

/** Put the scrubber at `moment`, or at the end where it is the whole conversation. */
function show(of, moment) {
  const { data, scrubber, plot } = of;
  const value = moment ?? data.length;
  const x = scrubber.axis.x(value);
  const text = data.is_order ? `message ${Math.max(0, Math.round(value))}` : elapsed(value);
  const width = text.length * 6.6 + 14;
  const left = Math.min(Math.max(x - width / 2, 0), of.width - width);
  of.line.setAttribute("x1", x);
  of.line.setAttribute("x2", x);
  of.flagBox.setAttribute("x", left);
  of.flagBox.setAttribute("width", width);
  of.flagText.setAttribute("x", left + width / 2);
  of.flagText.textContent = text;
  of.svg.classList.toggle("whole", moment === null);
  say(of.play, scrubber.isPlaying ? "❚❚ pause" : `▶ replay${data.is_order ? "" : ` ${scrubber.speed}×`}`);
  attribute(of.play, "aria-label", scrubber.isPlaying ? "Pause" : "Replay");
  of.back.disabled = moment === null && !scrubber.isPlaying;
  const slider = {
    role: "slider", "aria-label": "Moment", "aria-valuemin": 0, "aria-valuemax": Math.round(data.length),
    "aria-valuenow": Math.round(value), "aria-valuetext": `${text} of ${data.is_order ? data.length : elapsed(data.length)}`,
  };
  for (const [name, setting] of Object.entries(slider)) attribute(plot, name, setting);
}
