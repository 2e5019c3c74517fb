// Long foreign text with its structure: paragraphs, lists, headings, emphasis, code; and nothing else of it.
import { element } from "./dom.js";

const FENCE = /^\s*(```|~~~)/;
const ITEM = /^(\s*)([-*+]|\d{1,4}[.)])\s+(.*)$/;
const HEADING = /^\s*#{1,6}\s+(.*?)\s*#*$/;
const MARKS = /(`[^`\n]+`|\*\*[^*\n]+\*\*)/;

/** Show `text` in `node`, once for each text. */
export function write(node, text) {
  if (node.heliosText === text) return;
  node.heliosText = text;
  node.replaceChildren(...blocks(text));
}

function blocks(text) {
  if (isJson(text)) return [element("pre", "code", text)];
  const found = [];
  let code = null;
  let prose = [];
  const flush = () => {
    if (prose.some((line) => line.trim())) found.push(...paragraphs(prose));
    prose = [];
  };
  for (const line of text.split("\n")) {
    if (FENCE.test(line)) {
      if (code === null) flush();
      else found.push(element("pre", "code", code.join("\n")));
      code = code === null ? [] : null;
    } else if (code !== null) code.push(line);
    else prose.push(line);
  }
  flush();
  if (code !== null) found.push(element("pre", "code", code.join("\n")));
  return found;
}

function paragraphs(lines) {
  const found = [];
  let open = null;
  for (const line of lines) {
    const heading = HEADING.exec(line);
    const item = ITEM.exec(line);
    if (!line.trim()) open = null;
    else if (heading) {
      found.push(spans(element("p", "heading"), heading[1]));
      open = null;
    } else if (item) {
      open = element("div", "item", element("span", "bullet", /\d/.test(item[2]) ? item[2] : "•"), spans(element("span"), item[3]));
      open.style.marginLeft = `${Math.min(3, Math.floor(item[1].length / 2)) * 1.1}rem`;
      found.push(open);
    } else if (open) spans(open.classList.contains("item") ? open.lastChild : open, `\n${line}`);
    else found.push((open = spans(element("p"), line)));
  }
  return found;
}

function spans(node, line) {
  for (const part of line.split(MARKS)) {
    if (!part) continue;
    if (MARKS.test(part)) node.append(part[0] === "`" ? element("code", "", part.slice(1, -1)) : element("strong", "", part.slice(2, -2)));
    else node.append(part);
  }
  return node;
}

function isJson(text) {
  if (!/^\s*[[{]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** A text that is folded while it is long, with a button that unfolds it. */
export function folding(limit = 900) {
  const body = element("div", "words");
  const more = element("button", "more");
  more.type = "button";
  const node = element("div", "folding", body, more);
  node.heliosWrite = (text) => {
    write(body, text);
    const isLong = text.length > limit || text.split("\n").length > 16;
    if (!isLong) node.classList.remove("unfolded");
    more.hidden = !isLong;
    node.classList.toggle("folded", isLong && !node.classList.contains("unfolded"));
    name();
  };
  const name = () => (more.textContent = node.classList.contains("folded") ? `Show all ${body.heliosText.length.toLocaleString("en")} characters` : "Show less");
  more.addEventListener("click", () => {
    node.classList.toggle("folded", !node.classList.toggle("unfolded"));
    name();
  });
  return node;
}
