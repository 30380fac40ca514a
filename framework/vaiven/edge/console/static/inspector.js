// Under a phone: where its session stands, what it remembers, which timers run, and the turns behind it.

import { testPath } from "./api.js";
import { h, icon, plural, time } from "./dom.js";

const SHOWN = 6;

export class Inspector {
  constructor() {
    this.place = h("p", { class: "where" });
    this.facts = h("p", { class: "facts" });
    this.vars = h("dl", { class: "vars", "aria-label": "Variables" });
    this.timers = h("ul", { class: "timers", "aria-label": "Timers" });
    this.turns = h("ol", { class: "turns" });
    this.count = h("summary", { text: "Turns" });
    this.more = h("button", { type: "button", class: "more", onclick: () => this.showAll() });
    this.save = h("a", { class: "more save", download: true, hidden: true, text: "Save as test" });
    this.all = false;
    this.due = [];
    this.node = h(
      "section",
      { class: "inspector card", "aria-label": "State" },
      this.place,
      this.facts,
      this.vars,
      this.timers,
      (this.history = h("details", { open: true }, this.count, this.turns)),
      this.save,
    );
  }

  show(state) {
    this.state = state;
    const { session, contact } = state;
    this.place.replaceChildren(...where(session));
    const stops = Object.entries(contact.opt_outs).map(([sender, at]) => chip(`opted out of ${sender} at ${time(at)}`, "stop"));
    const counts = session ? [chip(`visit ${session.visit}`), chip(session.tries === 1 ? "1 try" : `${session.tries} tries`)] : [];
    this.facts.replaceChildren(...counts, chip(`contact v${contact.version}`), ...stops);
    this.showVars(session, contact);
    this.showTimers(session?.timers ?? []);
    this.showTurns(state.turns);
    this.save.href = testPath(state.address);
    this.save.hidden = state.turns.length === 0;
  }

  showVars(session, contact) {
    const own = Object.entries(session?.vars ?? {});
    const lasting = Object.entries(contact.vars).map(([name, value]) => [`contact.${name}`, value]);
    const votes = Object.entries(contact.votes).map(([poll, count]) => [`votes in ${poll}`, count]);
    const pairs = [...own, ...lasting, ...votes];
    this.vars.replaceChildren(...pairs.map(([name, value]) => h("div", {}, h("dt", { text: name }), h("dd", shown(value)))));
    this.vars.hidden = pairs.length === 0;
  }

  showTimers(timers) {
    this.due = timers.map(({ key, due_ms }) => ({ due_ms, left: h("b"), key }));
    this.timers.replaceChildren(...this.due.map((timer) => h("li", {}, icon("clock"), h("span", { text: timer.key }), timer.left)));
    this.timers.hidden = timers.length === 0;
    this.tick();
  }

  showTurns(turns) {
    this.count.textContent = turns.length ? `Turns (${turns.length}${turns.length === 50 ? ", newest" : ""})` : "No turns yet";
    const chosen = this.all ? turns : turns.slice(0, SHOWN);
    this.turns.replaceChildren(...chosen.map(drawTurn));
    const more = turns.length - chosen.length;
    this.more.textContent = `Show ${more} more`;
    if (more === 0) this.more.remove();
    else if (!this.more.isConnected) this.history.append(this.more);
  }

  showAll() {
    this.all = true;
    this.showTurns(this.state.turns);
  }

  tick() {
    for (const timer of this.due) timer.left.textContent = left(timer.due_ms - Date.now());
  }
}

function where(session) {
  if (!session) return [h("span", { class: "flow none", text: "no open session" })];
  return [
    ...session.below.map((place) => h("span", { class: "below", text: place })),
    h("span", { class: "flow", text: session.flow }),
    h("span", { class: "arrow", "aria-hidden": "true", text: "›" }),
    h("b", { class: "step", text: session.step }),
  ];
}

function chip(text, kind = "") {
  return h("span", { class: `chip ${kind}`, text });
}

const LONGEST = 90;

// Lists can be long: their beginning tells what they are, and the title has everything.
function shown(value) {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > LONGEST ? { text: `${text.slice(0, LONGEST)}…`, title: text } : { text };
}

function left(ms) {
  if (ms <= 0) return "due";
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} min`;
  if (seconds < 172800) return `${(seconds / 3600).toFixed(1)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

function moved({ from, to }) {
  const step = (place) => place.slice(place.indexOf("/") + 1);
  if (from === null && to === null) return "no session";
  if (from === null) return `starts at ${step(to)}`;
  if (to === null) return `${step(from)} → the end`;
  return from === to ? `stays at ${step(to)}` : `${step(from)} → ${step(to)}`;
}

function drawTurn(turn) {
  const effects = turn.effects.map((effect) =>
    h("li", {}, h("b", { text: effect.class ? `${effect.do} ${effect.class}` : effect.do }), ` ${effect.text}`),
  );
  return h(
    "li",
    { class: "turn" },
    h(
      "p",
      { class: "turn-head" },
      h("span", { class: "turn-number", text: `#${turn.number}` }),
      h("span", { class: "turn-came" }, h("i", { text: turn.came.is }), ` ${turn.came.text}`),
      h("time", { text: time(turn.at_ms) }),
    ),
    h("p", { class: "turn-moved", text: moved(turn) }),
    effects.length ? h("ul", { class: "effects" }, ...effects) : null,
  );
}
