// The list: whom to answer next. Unassigned, mine, all; the longest wait first.

import { h, plural } from "/inbox/shared/dom.js";
import { now, query, read } from "./session.js";
import { LONG_MS, address, called, holder, span } from "./words.js";

const PAGE = 50;
const MOST_PAGES = 10;
const TABS = {
  unassigned: { label: "Unassigned", empty: "Nobody waits.", ask: () => ({ state: "waiting" }) },
  mine: { label: "Mine", empty: "You have no conversation.", ask: (me) => ({ state: "taken", agent: me }) },
  all: { label: "All", empty: "Nobody waits, and nobody has a conversation.", ask: () => ({}) },
  closed: { label: "Closed", empty: "No conversation was closed yet.", ask: () => ({ state: "closed" }) },
};

// Since when somebody of the business is waited for; null: nobody is.
const waitsSince = (one) => (one.state === "waiting" ? one.since : one.unanswered_since);

export class List {
  // `open(id)` shows a conversation; `me` is the agent's id.
  constructor(me, { open, aloud }) {
    this.me = me;
    this.open = open;
    this.aloud = aloud;
    this.tab = "unassigned";
    this.pages = 1;
    this.shown = [];
    this.current = null;
    this.waiting = null;
    this.rows = new Map();
    this.place = document.getElementById("rows");
    this.panel = document.getElementById("panel");
    this.empty = document.getElementById("empty");
    this.more = document.getElementById("more");
    this.queue = document.getElementById("queue");
    this.tabs = document.getElementById("tabs");
    this.tabs.replaceChildren(...Object.entries(TABS).map(([name, tab]) => this.#tab(name, tab)));
    this.more.onclick = () => {
      this.pages = Math.min(this.pages + 1, MOST_PAGES);
      this.again();
    };
    this.queue.onchange = () => this.again();
    this.place.onkeydown = (event) => this.#arrows(event, [...this.place.querySelectorAll("button")], "ArrowDown", "ArrowUp");
    this.tabs.onkeydown = (event) => this.#arrows(event, [...this.tabs.children], "ArrowRight", "ArrowLeft", true);
    this.end();
    this.#mark();
  }

  // Nothing of anybody is left on the page.
  end() {
    this.shown = [];
    this.rows.clear();
    this.place.replaceChildren();
    this.empty.hidden = this.more.hidden = true;
  }

  #tab(name, tab) {
    const count = name === "closed" ? null : h("span", { class: "count", text: "0" });
    const props = { type: "button", role: "tab", class: "tab", id: `tab-${name}`, "aria-controls": "panel", data: { tab: name } };
    return h("button", { ...props, onclick: () => this.choose(name) }, tab.label, count && " ", count);
  }

  choose(name) {
    this.tab = name;
    this.pages = 1;
    this.#mark();
    this.again();
  }

  #mark() {
    for (const tab of this.tabs.children) {
      const chosen = tab.dataset.tab === this.tab;
      tab.setAttribute("aria-selected", chosen);
      tab.tabIndex = chosen ? 0 : -1;
    }
    this.panel.setAttribute("aria-labelledby", `tab-${this.tab}`);
  }

  // Down and up through rows, right and left through tabs; Home and End.
  #arrows(event, nodes, next, previous, choose = false) {
    const at = nodes.indexOf(event.target.closest("button"));
    const to = { [next]: at + 1, [previous]: at - 1, Home: 0, End: nodes.length - 1 }[event.key];
    if (at < 0 || to === undefined || to < 0 || to >= nodes.length) return;
    event.preventDefault();
    nodes[to].focus();
    if (choose) nodes[to].click();
  }

  async refresh() {
    const tab = this.tab;
    const mine = { ...TABS.mine.ask(this.me), limit: 100 };
    const [queues, own, found] = await Promise.all([
      read("/queues"),
      read(`/conversations${query(mine)}`),
      this.#pages(TABS[tab].ask(this.me)),
    ]);
    if (tab !== this.tab) return;
    this.#queues(queues.queues);
    this.#counts(queues.queues, own);
    this.#show(found.conversations, found.next);
  }

  async #pages(asked) {
    const found = { conversations: [], next: null };
    for (let page = 0; page < this.pages; page += 1) {
      const told = await read(`/conversations${query({ ...asked, queue: this.queue.value, limit: PAGE, cursor: found.next })}`);
      found.conversations.push(...told.conversations);
      found.next = told.next;
      if (!found.next) break;
    }
    return found;
  }

  #queues(queues) {
    document.getElementById("queues").hidden = queues.length < 2;
    if (this.queue.options.length === queues.length + 1) return;
    const chosen = this.queue.value;
    this.queue.replaceChildren(this.queue.options[0], ...queues.map((one) => h("option", { value: one.name, text: one.name })));
    this.queue.value = chosen;
  }

  #counts(queues, own) {
    const waiting = queues.reduce((sum, one) => sum + one.waiting, 0);
    const taken = queues.reduce((sum, one) => sum + one.taken, 0);
    const mine = `${own.conversations.length}${own.next ? "+" : ""}`;
    const counts = { unassigned: waiting, mine, all: waiting + taken };
    for (const tab of this.tabs.children) if (tab.lastElementChild) tab.lastElementChild.textContent = counts[tab.dataset.tab];
    document.title = waiting ? `(${waiting}) vaiven inbox` : "vaiven inbox";
    if (this.waiting !== null && waiting > this.waiting) this.aloud(`${plural(waiting, "person")} waiting`.replace("persons", "people"));
    this.waiting = waiting;
  }

  #show(found, next) {
    // Whoever has written and has no answer yet comes before those who have one.
    if (this.tab === "mine") found.sort((one, other) => (waitsSince(one) ?? Infinity) - (waitsSince(other) ?? Infinity));
    this.shown = found;
    const focused = this.place.contains(document.activeElement) ? document.activeElement : null;
    const ids = new Set(found.map((one) => one.id));
    for (const [id, row] of this.rows) {
      if (!ids.has(id)) {
        row.remove();
        this.rows.delete(id);
      }
    }
    found.forEach((one, index) => {
      const row = this.rows.get(one.id) ?? this.#row(one.id);
      if (this.place.children[index] !== row) this.place.insertBefore(row, this.place.children[index] ?? null);
      this.#fill(row.firstChild, one);
    });
    if (focused && document.activeElement !== focused) (focused.isConnected ? focused : this.panel).focus();
    this.empty.textContent = TABS[this.tab].empty;
    this.empty.hidden = found.length > 0;
    this.more.hidden = !next || this.pages >= MOST_PAGES;
    this.tick();
  }

  #row(id) {
    const inside = ["bdi.row-name", "span.row-wait", "span.row-where", "bdi.row-who"].map((each) => {
      const [tag, name] = each.split(".");
      return h(tag, { class: name });
    });
    const button = h("button", { type: "button", class: "row", data: { id }, onclick: () => this.open(id) }, ...inside);
    const row = h("li", {}, button);
    this.rows.set(id, row);
    return row;
  }

  #fill(button, one) {
    const [name, , where, who] = button.children;
    set(name, called(one));
    set(where, [one.channel, one.queue, one.skills, one.name ? address(one.person) : ""].filter(Boolean).join(" · "));
    set(who, one.agent ? (one.agent.id === this.me ? "you" : holder(one.agent)) : "");
    who.hidden = !one.agent;
    button.dataset.state = one.state;
    this.#current(button);
  }

  #current(button) {
    if (button.dataset.id === this.current) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }

  select(id) {
    this.current = id;
    for (const row of this.rows.values()) this.#current(row.firstChild);
  }

  focus(id) {
    (this.rows.get(id)?.firstChild ?? this.place.querySelector("button") ?? this.panel).focus();
  }

  // Waits grow between two looks.
  tick() {
    for (const one of this.shown) {
      const wait = this.rows.get(one.id)?.firstChild.children[1];
      if (!wait) continue;
      const since = one.state === "closed" ? null : waitsSince(one);
      const closed = one.state === "closed" ? `${span(now() - one.since)} ago` : "answered";
      set(wait, since === null || since === undefined ? closed : `waits ${span(now() - since)}`);
      wait.dataset.long = Boolean(since) && now() - since >= LONG_MS;
      wait.dataset.answered = !since;
    }
  }

  again() {
    this.refresh().catch(() => {}); // the next look of the page tells what is wrong
  }
}

function set(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
