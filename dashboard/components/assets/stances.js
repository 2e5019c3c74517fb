// Where the experts stand: a claim a row, an expert a column, for or against by sign as well as by colour.
import { element, mount, parts, reconcile, say } from "./dom.js";

const SIGNS = { for: ["✓", "for"], against: ["✕", "against"], qualified: ["~", "qualified"] };

export default function ({ data, parentElement }) {
  const root = mount(parentElement, "stances");
  const of = (root.heliosParts ? root : create(root)).heliosParts;
  const drawing = JSON.stringify(data);
  if (of.drawing === drawing) return;
  of.drawing = drawing;
  of.table.hidden = !data.claims.length;
  of.table.replaceChildren(header(data.experts), ...data.claims.map((claim) => row(claim, data.experts, of.said)));
  say(of.said, "");
  of.minority.hidden = !data.minority;
  say(of.report, data.minority);
  reconcile(of.notes, data.notes.map((text) => ({ key: text, text })), () => element("div", "note muted"), (node, { text }) => say(node, text));
}

function create(root) {
  root.classList.add("card");
  const table = element("table");
  const report = element("span");
  const said = element("div", "said");
  said.setAttribute("aria-live", "polite");
  const minority = element("div", "minority", element("span", "strong lead", "Minority report"), " ", report);
  const notes = element("div");
  root.append(element("div", "strong", "Stances"), table, said, minority, notes);
  return parts(root, { table, said, report, minority, notes });
}

function header(experts) {
  const head = element("tr", "", element("td"));
  for (const expert of experts) {
    const cell = element("th", "muted", expert.initials);
    cell.scope = "col";
    cell.title = expert.name;
    head.append(cell);
  }
  return head;
}

function row(claim, experts, said) {
  const text = element("th", "claim", claim.text);
  text.scope = "row";
  const line = element("tr", "", text);
  for (const expert of experts) {
    const stance = claim.stances[expert.id];
    const [sign, word] = SIGNS[stance] ?? [stance ? "•" : "", stance ?? "said nothing"];
    const quote = claim.quotes[expert.id];
    const mark = element(quote ? "button" : "span", `stance ${stance in SIGNS ? stance : stance ? "other" : "silent"}`, sign);
    const cell = element("td", "", mark);
    cell.title = `${expert.name}: ${word}${quote ? `: “${quote}”` : ""}`;
    mark.setAttribute("aria-label", cell.title);
    if (quote) mark.addEventListener("click", () => say(said, `${expert.name}, ${word}: “${quote}”`));
    line.append(cell);
  }
  return line;
}
