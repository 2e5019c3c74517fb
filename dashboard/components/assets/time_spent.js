// Where the time went: one bar, and what each of its parts is.
import { element, mount, parts, reconcile, say, vector } from "./dom.js";
import { hatch } from "./lanes.js";

export default function ({ data, parentElement }) {
  const root = mount(parentElement, "spent");
  if (!root.heliosParts) {
    const svg = vector("svg", { width: "100%", height: 18, preserveAspectRatio: "none", "aria-hidden": "true" });
    const list = element("div", "list");
    root.append(svg, list);
    parts(root, { svg, list });
  }
  const { svg, list } = root.heliosParts;
  let from = 0;
  svg.replaceChildren(hatch(), ...data.parts.map((part) => {
    const bar = vector("rect", { class: `segment ${part.key}`, x: `${100 * from}%`, y: 0, width: `${100 * part.share}%`, height: 18 });
    from += part.share;
    return bar;
  }));
  reconcile(list, data.parts, row, (node, part) => {
    const of = node.heliosParts;
    say(of.label, part.label);
    say(of.seconds, part.seconds);
    say(of.share, `${Math.round(100 * part.share)} %`);
  });
}

function row({ key }) {
  const swatch = vector("svg", { width: 12, height: 12, "aria-hidden": "true" });
  swatch.append(hatch(), vector("rect", { class: `segment ${key}`, width: 12, height: 12, rx: 3 }));
  const [label, seconds, share] = [element("span", "label"), element("span", "number"), element("span", "muted number share")];
  return parts(element("div", "part", swatch, label, seconds, share), { label, seconds, share });
}
