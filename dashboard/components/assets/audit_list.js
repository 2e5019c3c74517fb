// The audit: each change in one line, which opens to what was there before and after.
import { attribute, element, mount, parts, reconcile, say } from "./dom.js";

const MARKS = { gone: "−", came: "+", same: " ", title: "" };

export default function ({ data, parentElement }) {
  reconcile(mount(parentElement, "audit"), data.changes, create, update);
}

function create() {
  const when = element("time", "when muted number");
  const who = element("span", "strong");
  const what = element("span", "");
  const name = element("span", "strong");
  const owner = element("span", "muted");
  const reason = element("span", "reason muted");
  const lines = element("div", "lines");
  const summary = element("summary", "", when, " ", who, " ", what, " ", name, " ", owner, " ", reason);
  return parts(element("details", "change", summary, lines), { when, who, what, name, owner, reason, lines });
}

function update(row, change) {
  const of = row.heliosParts;
  for (const part of ["when", "who", "what", "name", "owner", "reason"]) say(of[part], change[part]);
  reconcile(of.lines, change.lines.map((line, key) => ({ ...line, key })), () => element("div", "line"), paint);
}

function paint(node, { kind, text }) {
  attribute(node, "data-kind", kind);
  say(node, kind === "title" ? text : `${MARKS[kind]} ${text}`);
}
