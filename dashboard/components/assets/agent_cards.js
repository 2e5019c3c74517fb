// The roster: a face, a name, what the agent is doing, its model and its card.
import { aim, element, link, mount, parts, reconcile, say, status } from "./dom.js";

export default function ({ data, parentElement, setTriggerValue }) {
  const root = mount(parentElement, "agents");
  const open = (target) => setTriggerValue("open", target);
  reconcile(root, data.agents, () => create(open), (card, agent) => update(card, agent, open));
}

function create(open) {
  const face = element("div", "face");
  const name = element("div", "strong cut name");
  const state = element("div", "status");
  const task = element("div", "muted cut");
  const chips = element("div", "chips");
  const card = link("card agent", open);
  card.append(face, element("div", "text", element("div", "top", name, state), task, chips));
  return parts(card, { face, name, state, task, chips });
}

function update(card, agent, open) {
  const of = card.heliosParts;
  aim(card, agent.target, open);
  say(of.face, agent.initials);
  of.face.style.background = agent.colour;
  say(of.name, agent.name);
  status(of.state, agent.sign);
  say(of.task, agent.task);
  of.task.title = agent.task;
  const chips = agent.chips.map((text, index) => ({ key: index, text }));
  reconcile(of.chips, chips, () => element("span", "chip cut"), (chip, { text }) => say(chip, text));
}
