// Where an agent writes: a reply, a note, a saved reply, or a template where the channel takes nothing else.

import { h } from "/inbox/shared/dom.js";
import { freshId, query, read } from "./session.js";

const DRAFT = "vaiven-agent-draft:";
const BLANK = /\{\{([0-9]{1,2})\}\}/g;
const MODES = { reply: "Reply", note: "Note" };

export class Composer {
  // `send(mode, body, key)` does it, and throws what went wrong.
  constructor(id, send) {
    this.id = id;
    this.send = send;
    this.mode = "reply";
    this.seen = null;
    this.lang = undefined;
    this.pending = null;
    this.busy = false;
    this.words = h("textarea", { id: "words", rows: "3", maxlength: "4096", dir: "auto", "aria-describedby": "why" });
    this.words.value = sessionStorage.getItem(DRAFT + id) ?? "";
    this.label = h("label", { class: "unseen", for: "words" });
    this.why = h("p", { class: "why", id: "why" });
    this.saved = h("ul", { class: "saved", id: "saved", hidden: true });
    this.opener = h("button", { type: "button", class: "button", "aria-expanded": "false", "aria-controls": "saved", text: "Saved replies" });
    this.button = h("button", { type: "submit", class: "button primary" });
    this.template = h("div", { class: "template", hidden: true });
    this.modes = h("div", { class: "modes", role: "radiogroup", "aria-label": "What to write" }, ...Object.keys(MODES).map((mode) => this.#mode(mode)));
    const hint = h("span", { class: "hint keys", text: "Ctrl + Enter sends" });
    const foot = h("div", { class: "composer-foot" }, this.opener, hint, this.button);
    this.node = h("form", { class: "composer", novalidate: true }, this.modes, this.saved, this.label, this.words, this.template, this.why, foot);
    this.#listen();
  }

  #mode(mode) {
    const input = h("input", { type: "radio", name: "mode", value: mode, id: `mode-${mode}`, checked: mode === "reply" });
    input.addEventListener("change", () => {
      this.mode = mode;
      this.update(this.seen);
    });
    return h("span", {}, input, h("label", { for: `mode-${mode}`, text: MODES[mode] }));
  }

  #listen() {
    this.words.addEventListener("input", () => sessionStorage.setItem(DRAFT + this.id, this.words.value));
    this.node.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        this.#submit();
      } else if (event.key === "Escape" && !this.saved.hidden) {
        this.#expand(false);
        this.opener.focus();
      }
    });
    this.node.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.opener.addEventListener("click", () => this.#expand(this.saved.hidden));
  }

  #expand(open) {
    this.saved.hidden = !open;
    this.opener.setAttribute("aria-expanded", open);
    if (open) this.saved.querySelector("button")?.focus();
  }

  // What may be written now, as the conversation stands.
  update(seen) {
    this.seen = seen;
    if (this.lang !== seen.lang) {
      this.lang = seen.lang;
      this.#replies(seen.lang);
    }
    const only = this.mode === "reply" && seen.mine && seen.window && !seen.window.open;
    const why = this.mode === "note" ? "Only colleagues see notes." : this.#whyNot(seen);
    this.why.textContent = why ?? "";
    this.why.hidden = !why;
    this.can = this.mode === "note" ? seen.canAct : seen.canAct && seen.mine && !seen.opted_out && !(only && !this.templates?.length);
    this.template.hidden = !(only && seen.window.templates && this.templates?.length);
    this.words.hidden = !this.template.hidden;
    this.label.textContent = this.mode === "note" ? "Note for colleagues" : "Reply";
    this.words.placeholder = this.mode === "note" ? "A note for colleagues" : "Write a reply";
    this.node.dataset.mode = this.mode;
    this.opener.hidden = this.mode === "note" || !this.ready?.length || !this.template.hidden;
    if (this.opener.hidden) this.#expand(false);
    this.button.textContent = this.mode === "note" ? "Keep the note" : this.template.hidden ? "Send" : "Send the template";
    this.button.setAttribute("aria-disabled", !this.can || this.busy);
  }

  #whyNot(seen) {
    if (!seen.canAct) return "Your token may only look.";
    if (seen.opted_out) return "They said STOP: nothing may be sent to them until they say START.";
    if (!seen.mine) return seen.holder ? `${seen.holder} has this conversation. You can leave a note.` : "Take the conversation to reply. A note you can leave at once.";
    if (seen.window && !seen.window.open) {
      if (!seen.window.templates) return "The channel's window has closed. You can reply when they write again.";
      if (!this.templates?.length) return "The channel's window has closed: only a template can be sent, and the bot's settings name none (replies: in bot.yaml).";
      return "The channel's window has closed: only a template that the provider approved can be sent.";
    }
    return null;
  }

  async #replies(lang) {
    let told;
    try {
      told = (await read(`/replies${query({ lang })}`)).replies;
    } catch {
      this.lang = undefined; // asked for again at the next look
      return;
    }
    this.ready = told.filter((reply) => !reply.template);
    this.templates = told.filter((reply) => reply.template);
    this.saved.replaceChildren(...this.ready.map((reply) => this.#saved(reply)));
    this.#choose();
    if (this.seen) this.update(this.seen);
  }

  #saved(reply) {
    const props = { type: "button", class: "saved-one", onclick: () => this.#insert(reply.text) };
    const name = h("span", { class: "saved-name", text: reply.name.replaceAll("_", " ") });
    return h("li", {}, h("button", props, name, h("span", { class: "saved-text", dir: "auto", text: reply.text })));
  }

  // Where the cursor is, so that a greeting can be put before what is written.
  #insert(text) {
    this.words.setRangeText(text, this.words.selectionStart, this.words.selectionEnd, "end");
    this.words.dispatchEvent(new Event("input"));
    this.#expand(false);
    this.words.focus();
  }

  // The template's picker: which one, what fills its blanks, how it will read.
  #choose() {
    if (!this.templates.length) return;
    const options = this.templates.map((reply, index) => h("option", { value: index, text: reply.name.replaceAll("_", " ") }));
    const select = h("select", { id: "template-which" }, ...options);
    this.blanks = h("div", { class: "blanks" });
    this.preview = h("p", { class: "preview", dir: "auto", "aria-label": "As it will read" });
    select.addEventListener("change", () => this.#blanks(Number(select.value)));
    this.template.replaceChildren(h("label", { for: "template-which", text: "Template" }), select, this.blanks, this.preview);
    this.#blanks(0);
  }

  #blanks(index) {
    this.chosen = this.templates[index];
    const made = Array.from({ length: this.chosen.blanks }, (_, number) => {
      const id = `blank-${number + 1}`;
      const input = h("input", { id, "aria-required": "true", maxlength: "1024", dir: "auto", oninput: () => this.#preview() });
      return h("label", { for: id }, `Blank ${number + 1}`, input);
    });
    this.blanks.replaceChildren(...made);
    this.#preview();
  }

  get values() {
    return [...this.blanks.querySelectorAll("input")].map((input) => input.value.trim());
  }

  // One pass: what fills a blank is never looked at for blanks.
  get filled() {
    return this.chosen.text.replace(BLANK, (blank, number) => this.values[Number(number) - 1] || blank);
  }

  #preview() {
    this.preview.textContent = this.filled;
  }

  #body() {
    if (this.template.hidden) return this.words.value.trim() ? { text: this.words.value } : null;
    const empty = [...this.blanks.querySelectorAll("input")].find((input) => !input.value.trim());
    empty?.focus();
    if (empty) return null;
    return { text: this.filled, template: { name: this.chosen.template, lang: this.chosen.lang, values: this.values } };
  }

  async #submit() {
    const body = this.#body();
    if (!this.can || this.busy || !body) return;
    const print = JSON.stringify([this.mode, body]);
    // What was asked before, and nobody knows what became of it, goes under the same key: so it is done once.
    if (this.pending?.print !== print) this.pending = { print, key: freshId() };
    this.#working(true);
    const done = await this.send(this.mode, body, this.pending.key);
    if (done !== "passing") this.pending = null;
    if (done === "done") this.#clear(body);
    this.#working(false);
  }

  #working(busy) {
    this.busy = busy;
    this.words.readOnly = busy;
    this.update(this.seen);
  }

  #clear(body) {
    if (body.template) {
      this.#blanks(this.templates.indexOf(this.chosen));
      return;
    }
    this.words.value = "";
    sessionStorage.removeItem(DRAFT + this.id);
    this.words.focus();
  }

  get hasDraft() {
    return Boolean(this.words.value.trim());
  }

  focus() {
    if (!this.words.hidden) this.words.focus();
    else this.template.querySelector("select")?.focus();
  }
}
