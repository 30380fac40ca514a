// One conversation: who has it, how long anything may be said, what was said, and what to do.

import { h, icon } from "/inbox/shared/dom.js";
import { Composer } from "./composer.js";
import { Problem, act, now, query, read } from "./session.js";
import { Transcript } from "./transcript.js";
import { SOON_MS, address, called, clockTime, holder, lost, sorry, span } from "./words.js";

const TURNS = 50;

export class Talk {
  // `changed()` is called after every act, `left(id)` when it is put away.
  constructor(me, canAct, { changed, left, aloud }) {
    this.me = me;
    this.canAct = canAct;
    this.on = { changed, left, aloud };
    this.place = document.getElementById("talk");
    this.id = null;
    this.nothing();
  }

  nothing() {
    this.id = null;
    this.seen = null;
    this.place.replaceChildren(h("p", { class: "empty", text: "Choose a conversation: who waits longest stands first." }));
  }

  end() {
    this.nothing();
  }

  async open(id) {
    this.id = id;
    this.seen = null;
    this.older = [];
    this.before = undefined;
    this.transcript = new Transcript();
    this.composer = new Composer(id, (mode, body, key) => this.#say(mode, body, key));
    const back = () => this.on.left(id);
    const leave = h("button", { type: "button", class: "button back", "aria-label": "Back to the conversations", onclick: back }, icon("back"));
    this.name = h("h2", { class: "talk-name", tabindex: "-1" });
    this.meta = h("p", { class: "talk-meta" });
    this.state = h("p", { class: "chip" });
    this.window = h("p", { class: "window", hidden: true });
    this.actions = h("div", { class: "actions" });
    this.earlier = h("button", { type: "button", class: "button earlier", hidden: true, text: "Show what was said before", onclick: () => this.#earlier() });
    this.sorry = h("p", { class: "sorry", role: "alert", hidden: true });
    this.place.replaceChildren(
      h("header", { class: "talk-head" }, leave, h("div", { class: "talk-who" }, this.name, this.meta), this.state, this.actions),
      this.window,
      this.earlier,
      this.transcript.place,
      this.sorry,
      this.composer.node,
    );
    this.composer.node.hidden = true;
    await this.refresh();
    if (this.id !== id) return;
    this.transcript.end();
    this.name.focus({ preventScroll: true });
  }

  async refresh() {
    const id = this.id;
    if (id === null) return;
    const seen = await read(`/conversations/${encodeURIComponent(id)}${query({ limit: TURNS })}`);
    if (this.id !== id) return;
    this.#show(seen);
  }

  #show(seen) {
    seen.mine = seen.agent?.id === this.me && seen.controller === "taken";
    seen.holder = seen.agent && !seen.mine ? holder(seen.agent) : "";
    seen.canAct = this.canAct;
    const before = this.seen;
    this.seen = seen;
    set(this.name, called(seen));
    this.meta.replaceChildren(...this.#meta(seen));
    this.#state(seen);
    if (before?.agent?.id !== seen.agent?.id || before?.controller !== seen.controller) {
      this.#actions(seen);
      if (before?.mine && !seen.mine && !this.working) this.#tell(lost(seen, this.composer.hasDraft));
    }
    // Turns that have left the newest ones are kept where they were shown.
    const first = seen.items[0]?.number ?? Infinity;
    if (before) this.older = merged(this.older, before.items).filter((item) => item.number < first);
    if (this.before === undefined) this.before = seen.before;
    this.earlier.hidden = this.before === null;
    this.transcript.show([...this.older, ...seen.items], called(seen));
    this.composer.node.hidden = false;
    this.composer.update(seen);
    this.tick();
  }

  #meta(seen) {
    const told = [seen.channel, seen.lang, seen.name ? address(seen.person) : ""].filter(Boolean).join(" · ");
    return [h("bdi", { text: told }), seen.opted_out ? h("span", { class: "tag bad", text: "said STOP" }) : ""];
  }

  #state(seen) {
    const [state, text] = seen.mine
      ? ["mine", "You have it"]
      : seen.holder
        ? ["theirs", `${seen.holder} has it`]
        : seen.controller === "bot"
          ? ["bot", "The bot speaks"]
          : ["waiting", "Waits for a person"];
    this.state.dataset.state = state;
    set(this.state, text);
  }

  #actions(seen) {
    const held = this.actions.contains(document.activeElement);
    const button = (name, text, primary) =>
      h("button", { type: "button", class: `button${primary ? " primary" : ""}`, data: { act: name }, text, onclick: () => this.#do(name) });
    const free = seen.controller === "waiting" || (seen.controller === "taken" && !seen.agent);
    const offered = seen.mine ? [button("return", "Hand back"), button("close", "Close")] : free ? [button("take", "Take", true)] : [];
    this.actions.replaceChildren(...(this.canAct ? offered : []));
    if (held) (this.actions.querySelector("button") ?? this.name).focus();
  }

  // The window closes whether or not anybody looks.
  tick() {
    const closes = this.seen?.window;
    if (!closes) {
      if (this.window) this.window.hidden = true;
      return;
    }
    const left = (closes.closes ?? 0) - now();
    this.window.hidden = false;
    this.window.dataset.state = left <= 0 ? "closed" : left < SOON_MS ? "soon" : "open";
    set(this.window, left > 0 ? `Free text until ${clockTime(closes.closes)}: ${span(left)} left` : "The window for free text has closed");
    if (left <= 0 && closes.open) {
      closes.open = false;
      this.composer.update(this.seen);
    }
  }

  #tell(text) {
    set(this.sorry, text);
    this.sorry.hidden = !text;
  }

  async #earlier() {
    const id = this.id;
    const place = this.transcript.place;
    const height = place.scrollHeight;
    try {
      const told = await read(`/conversations/${encodeURIComponent(id)}${query({ limit: TURNS, before: this.before })}`);
      if (this.id !== id) return;
      this.before = told.before;
      this.older = merged(told.items, this.older);
      this.#show(this.seen);
      place.scrollTop += place.scrollHeight - height;
      if (this.earlier.hidden) place.focus({ preventScroll: true });
    } catch (error) {
      this.#failed(error);
    }
  }

  // "done", "refused", or "passing" where nobody can say.
  async #say(mode, body, key) {
    const id = this.id;
    try {
      await act(id, mode, body, { key });
    } catch (error) {
      if (this.id === id) await this.#failed(error);
      return error.isPassing ? "passing" : "refused";
    }
    await this.#after(id);
    return "done";
  }

  async #do(name) {
    if (this.working) return;
    this.working = true;
    const id = this.id;
    try {
      await this.#acted(id, name);
      await this.#after(id);
      if (this.id !== id) return;
      if (name === "take") this.composer.focus();
      else this.name.focus();
      this.on.aloud({ take: "You have the conversation.", return: "Handed back to the bot.", close: "Closed." }[name]);
    } catch (error) {
      if (this.id === id) await this.#failed(error);
    } finally {
      this.working = false;
    }
  }

  // Whoever ends a conversation must have seen what was written last; receipts and the like are no reason to ask again.
  async #acted(id, name) {
    if (name === "take") return act(id, name);
    const last = lastSaid(this.seen);
    for (let tried = 0; ; tried += 1) {
      try {
        return await act(id, name, undefined, { version: this.seen.version });
      } catch (error) {
        if (error.code !== "moved" || tried >= 3 || this.id !== id) throw error;
        await this.refresh();
        if (this.id !== id || lastSaid(this.seen) !== last) throw error;
      }
    }
  }

  async #after(id) {
    if (this.id === id) {
      this.#tell("");
      await this.refresh().catch(() => {});
      this.transcript.end();
    }
    this.on.changed();
  }

  async #failed(error) {
    if (!(error instanceof Problem)) throw error;
    this.#tell(sorry(error, this.composer.hasDraft));
    if (error.status === 401 || error.isPassing) {
      this.on.changed();
      return;
    }
    await this.refresh().catch(() => {});
    this.#tell(sorry(error, this.composer.hasDraft));
    this.on.changed();
  }
}

const lastSaid = (seen) => seen.items.findLast((item) => item.by === "person")?.number;

// Both, each turn once, in order: of a turn that is in both, the later telling.
function merged(earlier, later) {
  const numbers = new Set(later.map((item) => item.number));
  return [...earlier.filter((item) => !numbers.has(item.number)), ...later];
}

function set(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
