// Each card as a bar: what is promised to others, what the draft would add, and the verdict in words.
import { attribute, element, ink, mount, parts, reconcile, say } from "./dom.js";

export default function ({ data, parentElement }) {
  reconcile(mount(parentElement, "fits"), data.cards, create, update);
}

function create() {
  const title = element("span", "strong");
  const name = element("span", "muted");
  const segments = element("div", "segments");
  const sentence = element("div", "sentence");
  const row = element("div", "fit", element("div", "cut", title, " ", name), element("div", "bar", segments), sentence);
  return parts(row, { title, name, segments, sentence });
}

function update(row, card) {
  const of = row.heliosParts;
  attribute(row, "data-chosen", card.is_chosen);
  say(of.title, card.title);
  say(of.name, card.name);
  const left = card.segments.reduce((rest, { percent }) => rest - percent, 100);
  const seen = Math.min(card.draft_percent ?? 0, left);
  const label = seen > 28 ? "this agent" : "";
  const draft = { key: "this agent", label, title: "this agent", percent: card.draft_percent, isDraft: true };
  const shown = card.draft_percent === null ? card.segments : [...card.segments, draft];
  reconcile(of.segments, shown, () => element("div", "segment"), paint);
  say(of.sentence, card.sentence);
  attribute(of.sentence, "data-tone", card.tone);
}

function paint(segment, { label, title, percent, colour, isDraft }) {
  segment.style.flexBasis = `${percent}%`;
  segment.style.background = colour ?? "";
  segment.style.color = isDraft ? "" : ink(colour);
  attribute(segment, "data-draft", isDraft ? "" : null);
  attribute(segment, "title", title);
  say(segment, percent > 14 ? label : "");
}
