// What was said and done in a conversation, as nodes. Whatever people wrote goes in as text.

import { h } from "/inbox/shared/dom.js";
import { clockTime, day, happened, outcome } from "./words.js";

// A place, told in numbers: a map would tell somebody else where the person is.
const place = ([latitude, longitude]) => h("span", { class: "file", text: `Place: ${latitude}, ${longitude}` });

// Only an address of the web becomes a link, and opening it tells nobody where it came from.
function file(one) {
  const name = one.name || one.type || "file";
  if (!/^https?:\/\//.test(one.url ?? "")) return h("span", { class: "file" }, h("bdi", { text: name }), ` (kept by the provider)`);
  const link = { class: "file", href: one.url, target: "_blank", rel: "noopener noreferrer nofollow" };
  return h("a", link, h("bdi", { text: name }), h("span", { class: "unseen", text: " (opens another page)" }));
}

const speakers = {
  person: () => "",
  bot: () => "Bot",
  agent: (item) => item.name || item.agent || "Agent",
  note: (item) => `Note, ${item.name || item.agent}`,
};

function bubble(item, person) {
  const told = outcome(item);
  const speaker = speakers[item.by]?.(item) ?? item.by;
  return h(
    "li",
    { class: "item", data: { by: item.by } },
    speaker ? h("bdi", { class: "speaker", text: speaker }) : h("span", { class: "unseen" }, h("bdi", { text: person })),
    h(
      "div",
      { class: "bubble" },
      item.template ? h("span", { class: "tag", text: `template ${item.template}` }) : null,
      item.text ? h("p", { class: "text", dir: "auto", text: item.text }) : null,
      ...item.media.map(file),
      item.location ? place(item.location) : null,
      item.options.length ? h("ul", { class: "options" }, ...item.options.map((title) => h("li", { dir: "auto", text: title }))) : null,
    ),
    h(
      "p",
      { class: "print" },
      h("time", { datetime: new Date(item.at).toISOString(), text: clockTime(item.at) }),
      told ? h("span", { class: told.bad ? "bad" : "", text: ` · ${told.text}` }) : null,
    ),
  );
}

function line(item) {
  const text = happened(item);
  return h("li", { class: "item happened", data: { event: item.event } }, h("bdi", { text }), " ", h("time", { text: clockTime(item.at) }));
}

// Who took it or gave it back says enough of who has it then.
function telling(items) {
  const acted = new Set(items.filter((item) => item.event.startsWith("agent.")).map((item) => item.number));
  return items.filter((item) => !(item.event.startsWith("control:") && acted.has(item.number)));
}

export class Transcript {
  constructor() {
    this.nodes = new Map();
    this.place = h("ol", { class: "log", role: "log", "aria-label": "What was said", tabindex: "0" });
    // Whoever reads the end goes on reading it, whatever grows or shrinks around it.
    this.atEnd = true;
    this.place.addEventListener("scroll", () => {
      this.atEnd = this.place.scrollHeight - this.place.scrollTop - this.place.clientHeight < 60;
    });
    new ResizeObserver(() => this.atEnd && this.end()).observe(this.place);
  }

  // Shows these items; what has not changed stays as it is, so that only what is new is read out.
  show(items, person) {
    const keep = new Map();
    const wanted = [];
    let last = "";
    const seen = new Map();
    for (const item of telling(items)) {
      const today = day(item.at);
      if (today !== last) wanted.push([`day ${today}`, today, () => h("li", { class: "day" }, h("span", { text: today }))]);
      last = today;
      const index = seen.get(item.number) ?? 0;
      seen.set(item.number, index + 1);
      const make = () => (item.by === "event" ? line(item) : bubble(item, person));
      wanted.push([`${item.number} ${index}`, JSON.stringify([item, person]), make]);
    }
    const keys = new Set(wanted.map(([key]) => key));
    for (const [key, entry] of this.nodes) if (!keys.has(key)) entry.node.remove();
    let at = this.place.firstChild;
    for (const [key, print, make] of wanted) {
      const known = this.nodes.get(key);
      const entry = known?.print === print ? known : { print, node: make() };
      keep.set(key, entry);
      if (entry === known && entry.node === at) at = at.nextSibling;
      else this.place.insertBefore(entry.node, at);
      if (known && known !== entry) {
        if (known.node === at) at = at.nextSibling;
        known.node.remove();
      }
    }
    const grown = keep.size !== this.nodes.size;
    this.nodes = keep;
    if (grown && this.atEnd) this.end();
  }

  end() {
    this.atEnd = true;
    this.place.scrollTop = this.place.scrollHeight;
  }
}
