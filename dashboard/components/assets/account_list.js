// Accounts: who, in which role, whether Helios is enabled for them, and whether the account is switched on.
import { aim, attribute, element, link, mount, parts, reconcile, say, status } from "./dom.js";

export default function ({ data, parentElement, setTriggerValue }) {
  const open = (target) => setTriggerValue("open", target);
  reconcile(mount(parentElement, "accounts"), data.accounts, () => create(open), (row, account) => update(row, account, open));
}

function create(open) {
  const name = element("span", "strong");
  const email = element("span", "muted");
  const role = element("span", "chip");
  const enabled = element("span", "chip");
  const since = element("span", "since muted number");
  const state = element("span", "status");
  const row = link("account", open);
  row.append(
    element("div", "who cut", name, " ", email),
    element("div", "state", state),
    element("div", "about", role, " ", enabled, " ", since),
  );
  return parts(row, { name, email, role, enabled, since, state });
}

function update(row, account, open) {
  const of = row.heliosParts;
  aim(row, account.target, open);
  attribute(row, "aria-current", account.is_selected ? "true" : null);
  say(of.name, account.name);
  say(of.email, account.email);
  say(of.role, account.role);
  say(of.enabled, account.enabled);
  say(of.since, account.since);
  status(of.state, account.sign);
}
