// The head of an agent's page: a face, a role, and in one line what the agent is doing.
import { element, mount, say, status } from "./dom.js";

export default function ({ data, parentElement }) {
  const root = mount(parentElement, "head");
  const of = (root.heliosParts ??= create(root));
  const { agent } = data;
  say(of.face, agent.initials);
  of.face.style.background = agent.colour;
  status(of.state, agent.sign);
  say(of.line, agent.line);
  say(of.role, agent.role);
}

function create(root) {
  const face = element("div", "face");
  const state = element("span", "status");
  const line = element("span", "muted");
  const role = element("div", "role");
  root.append(face, element("div", "text", role, element("div", "now", state, " ", line)));
  return { face, state, line, role };
}
