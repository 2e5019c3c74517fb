// What our components share. Nothing here or in them sets HTML: foreign text becomes text content and no more.

const SVG = "http://www.w3.org/2000/svg";

/** The component's root element: the same one at every refresh, hidden until its style sheet has come. */
export function mount(parentElement, className) {
  const present = [...parentElement.children].find((child) => child.classList.contains(className));
  if (present) return present;
  const root = element("div", className);
  root.style.opacity = "0"; // base.css overrules it
  parentElement.appendChild(root);
  return root;
}

export function element(tag, className = "", ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

export function vector(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

/** Set text only where it changed, so that a selection survives a refresh. */
export function say(node, text) {
  const value = text ?? "";
  if (node.textContent !== value) node.textContent = value;
}

export function attribute(node, name, value) {
  if (value === null || value === undefined) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

/** Make the children of `parent` those of `items`, keeping the node of each key. */
export function reconcile(parent, items, create, update) {
  const nodes = (parent.heliosNodes ??= new Map());
  const keys = new Set(items.map((item) => item.key));
  for (const [key, node] of nodes) {
    if (!keys.has(key)) {
      node.remove();
      nodes.delete(key);
    }
  }
  items.forEach((item, index) => {
    let node = nodes.get(item.key);
    if (!node) nodes.set(item.key, (node = create(item)));
    if (parent.children[index] !== node) parent.insertBefore(node, parent.children[index] ?? null);
    update(node, item);
  });
}

/** Name parts of a node, so that an update finds them without a query. */
export function parts(node, named) {
  node.heliosParts = named;
  return node;
}

/** An anchor to a page of ours: a plain click stays in this session, any other opens the page as a link does. */
export function link(className, open) {
  const anchor = element("a", className);
  anchor.addEventListener("click", (event) => {
    if (event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    anchor.heliosOpen(anchor.heliosTarget);
  });
  anchor.heliosOpen = open;
  return anchor;
}

/** Point `anchor` at `target`: {page, selection}. */
export function aim(anchor, target, open) {
  anchor.heliosTarget = target;
  anchor.heliosOpen = open;
  attribute(anchor, "href", target && `${target.page}?${new URLSearchParams(target.selection ?? {})}`);
}

/** Show a status: a sign, a word, and a colour that only repeats what they say. */
export function status(node, sign) {
  say(node, `${sign.icon} ${sign.word}`);
  attribute(node, "data-tone", sign.tone);
}

/** The colour of letters that reads best on `colour`, "#rrggbb". */
export function ink(colour) {
  const [red, green, blue] = [1, 3, 5]
    .map((at) => parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  const luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  return 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.061 ? "#fff" : "#1b1c22";
}

/** The path of a line through `points` (null is a gap), in a box of width 100 and height 30. */
export function line(points, low, high) {
  const step = 100 / Math.max(1, points.length - 1);
  const span = Math.max(1e-9, high - low);
  let path = "";
  let isDown = false;
  points.forEach((value, index) => {
    if (value === null) {
      isDown = false;
      return;
    }
    const y = 29 - 28 * Math.min(1, Math.max(0, (value - low) / span));
    path += `${isDown ? "L" : "M"}${(index * step).toFixed(2)} ${y.toFixed(2)}`;
    isDown = true;
  });
  return path;
}
