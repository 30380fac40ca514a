// One phone: its frame, its conversation, what one can type and tap. What it shows is what the store holds.

import { freshId, phonePath, readText, Refused, repeat, type } from "./api.js";
import { attachments } from "./attachments.js";
import { h, icon } from "./dom.js";
import { Inspector } from "./inspector.js";
import { drawMessage, drawPending, quickReplies, sheet } from "./messages.js";

const SKINS = { tel: "sms", whatsapp: "whatsapp", messenger: "messenger" };
const NAMES = { sms: "SMS", whatsapp: "WhatsApp", messenger: "Messenger" };
const HINTS = { sms: "Text message", whatsapp: "Message", messenger: "Aa" };
const ATTACHED = { sms: ["photo"], whatsapp: ["photo", "place"], messenger: ["photo"] };
const OPENINGS = 4;
const EVERY_MS = 500;
const EAGER_MS = 120;
const EAGER_FOR_MS = 1500;

export function shownNumber(address) {
  const [scheme, path] = [address.slice(0, address.indexOf(":")), address.slice(address.indexOf(":") + 1)];
  const digits = path.replace(/^\+/, "");
  if (scheme === "messenger") return `user ${path}`;
  if (/^1\d{10}$/.test(digits)) return `+1 ${digits.slice(1, 4)} ${digits.slice(4, 7)} ${digits.slice(7)}`;
  if (/^44\d{10}$/.test(digits)) return `+44 ${digits.slice(2, 6)} ${digits.slice(6)}`;
  return path;
}

function shownSender(sender) {
  return /^\+?\d/.test(sender) ? shownNumber(`tel:${sender}`) : sender;
}

// For a person with a phone in the hand; what a program must know is in the answer itself.
function notSent(error) {
  if (!(error instanceof Refused)) return "Not sent: no connection.";
  if (error.status === 403) return "Not sent: this page may only look.";
  return error.status >= 500 ? "Not sent." : `Not sent. ${error.message}`;
}

export class Phone {
  constructor(address, config, { trouble, refused, close }) {
    this.address = address;
    this.skin = SKINS[address.slice(0, address.indexOf(":"))];
    this.channel = config.channel;
    this.openings = config.openings.slice(0, OPENINGS).map((word) => word.toUpperCase());
    this.refused = refused;
    this.pending = new Map();
    this.nodes = new Map();
    this.eagerUntil = 0;
    this.atEnd = true;
    this.inspector = new Inspector();
    this.node = this.build(config, close);
    this.loop = repeat(() => this.refresh(), EVERY_MS, trouble);
  }

  build(config, close) {
    const title = `${NAMES[this.skin]} phone, ${shownNumber(this.address)}`;
    this.log = h("div", { class: "log", role: "log", "aria-live": "polite", "aria-label": `Conversation on the ${title}`, tabindex: "0" });
    // Where a keyboard opens or the window turns, the last message stays in sight.
    this.log.addEventListener("scroll", () => (this.atEnd = this.isAtEnd()));
    new ResizeObserver(() => this.atEnd && this.scrollDown()).observe(this.log);
    this.quick = h("div", { class: "quick", role: "group", "aria-label": "Quick replies" });
    this.input = h("input", {
      class: "words", type: "text", placeholder: HINTS[this.skin], autocomplete: "off", maxlength: "4096",
      "aria-label": `Message from the ${title}`, enterkeyhint: "send", oninput: () => this.form.classList.toggle("typed", this.input.value !== ""),
    });
    this.form = h(
      "form",
      { class: "composer", onsubmit: (event) => this.submit(event) },
      attachments(ATTACHED[this.skin], title, (message, shown) => this.say(message, shown)),
      this.input,
      h("button", { class: "send", type: "submit", "aria-label": "Send" }, icon(this.skin === "sms" ? "up" : "send")),
    );
    this.screen = h(
      "div",
      { class: "screen" },
      h(
        "header",
        { class: "app" },
        icon("back"),
        h("span", { class: "avatar", "aria-hidden": "true" }),
        h("span", { class: "peer" }, h("b", { text: config.bot }), h("small", { text: shownSender(config.sender) })),
      ),
      this.log,
      this.quick,
      this.form,
    );
    const remove = () => {
      this.loop.end();
      this.node.remove();
      close();
    };
    return h(
      "article",
      { class: `phone skin-${this.skin}`, "aria-label": title, data: { address: this.address } },
      h(
        "header",
        { class: "phone-head" },
        h("h2", {}, h("span", { class: "phone-kind", text: NAMES[this.skin] }), h("span", { class: "phone-number", text: shownNumber(this.address), title: shownNumber(this.address) })),
        h("a", { href: phonePath(this.address), "aria-label": `${title}, as JSON`, text: "JSON" }),
        h("button", { type: "button", class: "phone-close", "aria-label": `Put the ${title} away`, onclick: remove }, icon("close")),
      ),
      h("div", { class: "frame" }, this.screen),
      this.inspector.node,
    );
  }

  show() {
    const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
    this.node.scrollIntoView({ behavior, block: "nearest", inline: "nearest" });
    this.input.focus({ preventScroll: true });
  }

  submit(event) {
    event.preventDefault();
    const text = this.input.value;
    if (text.trim() === "") return;
    this.input.value = "";
    this.form.classList.remove("typed");
    this.say({ text }, text);
  }

  tap(option, message) {
    this.say({ choice: { id: option.id, title: option.title, origin: message.provider_id ?? undefined } }, option.title);
    this.input.focus({ preventScroll: true });
  }

  // Shown at once as being sent; the store's own word replaces it.
  say(message, shown) {
    const pending = { message: { ...message, id: freshId() }, shown, failed: null, event: null };
    this.pending.set(pending.message.id, pending);
    this.post(pending);
  }

  async post(pending) {
    pending.failed = null;
    this.render();
    this.scrollDown();
    try {
      const { accepted } = await type(this.address, pending.message);
      pending.event = accepted[0]?.id ?? null;
      this.eagerUntil = performance.now() + EAGER_FOR_MS;
      this.loop.now();
    } catch (error) {
      pending.failed = notSent(error);
      if (error instanceof Refused && error.status === 403) this.refused();
      this.render();
    }
  }

  async refresh() {
    const text = await readText(phonePath(this.address));
    if (text !== this.text) {
      this.text = text;
      this.state = JSON.parse(text);
      this.render();
    }
    this.inspector.tick();
    return performance.now() < this.eagerUntil ? EAGER_MS : EVERY_MS;
  }

  render() {
    const atEnd = this.isAtEnd();
    const messages = this.state?.messages ?? [];
    const known = new Set(messages.map((message) => message.id));
    for (const [id, pending] of this.pending) if (known.has(pending.event)) this.pending.delete(id);
    const context = { skin: this.skin, channel: this.channel, tap: (option, message) => this.tap(option, message), open: (message) => this.openList(message) };
    const wanted = messages.map((message) => this.kept(message.id, JSON.stringify(message), () => drawMessage(message, context)));
    for (const [id, pending] of this.pending) {
      const again = () => this.post(pending);
      wanted.push(this.kept(`pending-${id}`, String(pending.failed), () => drawPending(pending, again)));
    }
    if (wanted.length === 0) wanted.push(this.kept("empty", "", () => this.drawEmpty()));
    this.place(wanted);
    const replies = quickReplies(messages.at(-1), context);
    this.quick.replaceChildren(...(replies.length ? replies : this.drawOpenings()));
    if (this.state) this.inspector.show(this.state);
    if (atEnd) this.scrollDown();
  }

  kept(id, seal, draw) {
    const known = this.nodes.get(id);
    if (known?.dataset.seal === seal) return known;
    const node = draw();
    node.dataset.seal = seal;
    node.dataset.key = id;
    if (known) node.classList.add("again");
    this.nodes.set(id, node);
    return node;
  }

  // Puts the wanted nodes in order, leaving those that stand right alone, so that focus and reading stay.
  place(wanted) {
    const keep = new Set(wanted);
    for (const node of [...this.log.children]) if (!keep.has(node)) node.remove();
    wanted.forEach((node, index) => {
      if (this.log.children[index] !== node) this.log.insertBefore(node, this.log.children[index] ?? null);
    });
    const keys = new Set(wanted.map((node) => node.dataset.key));
    for (const key of [...this.nodes.keys()]) if (!keys.has(key)) this.nodes.delete(key);
  }

  // When a conversation is over, what one may say to begin another.
  drawOpenings() {
    const talking = this.state?.session || this.pending.size > 0;
    if (!this.state?.messages.length || talking) return [];
    return this.openings.map((word) =>
      h("button", { type: "button", class: "starter", "aria-label": `Say ${word}`, text: word, onclick: () => this.say({ text: word }, word) }),
    );
  }

  drawEmpty() {
    return h(
      "div",
      { class: "empty" },
      h("p", { text: "Nothing said yet." }),
      ...this.openings.map((word) =>
        h("button", { type: "button", class: "starter", onclick: () => this.say({ text: word }, word) }, "Say ", h("b", { text: word })),
      ),
    );
  }

  openList(message) {
    sheet(this.screen, message, (option) => this.tap(option, message));
  }

  isAtEnd() {
    return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 60;
  }

  scrollDown() {
    this.log.scrollTop = this.log.scrollHeight;
  }
}
