// One line of an explanation: which cards, what was found of them, and why.
import { attribute, element, parts, say } from "./dom.js";

export function reason() {
  const cards = element("span", "cards strong");
  const verdict = element("span", "verdict");
  const sentence = element("span", "sentence");
  return parts(element("div", "reason", cards, verdict, sentence), { cards, verdict, sentence });
}

export function paintReason(node, line) {
  const of = node.heliosParts;
  say(of.cards, line.cards);
  say(of.verdict, line.verdict);
  attribute(of.verdict, "data-tone", line.tone);
  say(of.sentence, line.sentence);
}
