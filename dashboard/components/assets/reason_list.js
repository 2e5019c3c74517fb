// The reasons of one decision.
import { mount, reconcile } from "./dom.js";
import { paintReason, reason } from "./reasons.js";

export default function ({ data, parentElement }) {
  reconcile(mount(parentElement, "reasons"), data.lines, reason, paintReason);
}
