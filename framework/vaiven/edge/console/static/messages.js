// How messages look: bubbles, buttons, lists, quick replies, and the small print under them.

import { h, icon, plural, time } from "./dom.js";

const FAILED = new Set(["rejected", "unknown", "suppressed", "expired"]);
// What the store says no more about than its state.
const WHY = { suppressed: "opted out", expired: "too late" };
const WAITING = new Set(["queued", "claimed", "dialed", "retry", "held"]);

export function drawMessage(message, context) {
  const bubble = h("div", { class: "bubble" }, ...content(message));
  const side = message.direction === "in" ? "mine" : "theirs";
  const node = h("div", { class: `message ${side}` }, bubble);
  if (message.direction === "in") {
    bubble.append(h("span", { class: "stamp" }, time(message.at_ms), icon("ticks")));
    node.append(smallPrint([message.channel !== context.channel && message.channel], segments(message.sms)));
    return node;
  }
  bubble.append(h("span", { class: "stamp", text: time(message.at_ms) }));
  addOptions(node, bubble, message, context);
  const state = message.delivery ?? message.state;
  if (FAILED.has(message.state)) node.classList.add("failed");
  if (WAITING.has(message.state)) node.classList.add("waiting");
  node.append(
    smallPrint(
      [
        message.channel !== context.channel && message.channel,
        message.class,
        message.attempt > 1 ? `${state}, attempt ${message.attempt}` : state,
        FAILED.has(message.state) && (message.reason ?? WHY[message.state]),
      ],
      segments(message.sms),
    ),
  );
  return node;
}

function content(message) {
  if (message.choice) {
    return [h("span", { class: "tapped" }, icon("reply"), h("span", { class: "text", text: message.choice.title || message.choice.id }))];
  }
  if (message.location) {
    const { latitude, longitude, name } = message.location;
    return [h("span", { class: "attached" }, icon("pin"), h("span", { class: "text", text: name ?? `${latitude}, ${longitude}` }))];
  }
  if (message.media?.length) {
    return message.media.map((media) =>
      h("span", { class: "attached" }, icon("photo"), h("span", { class: "text", text: media.caption ?? media.name ?? media.mime })),
    );
  }
  return [h("span", { class: "text", text: message.text || `(${message.kind})` })];
}

// One segment goes without saying in the line, not in its title.
function segments(sms) {
  if (!sms) return null;
  const one = sms.encoding === "GSM-7" ? 160 : 70;
  const part = sms.encoding === "GSM-7" ? 153 : 67;
  const room = sms.segments === 1 ? one : sms.segments * part;
  const used = `${sms.units}/${room}`;
  const short = sms.segments === 1 ? [sms.encoding, used] : [sms.encoding, `${sms.segments} SMS`, used];
  return { short, long: [sms.encoding, plural(sms.segments, "segment"), used] };
}

// One line, cut where it does not fit; its title has everything.
function smallPrint(parts, sms = null) {
  const line = (more = []) => [...parts.filter(Boolean), ...more].join(" · ");
  return h("small", { class: "print", text: line(sms?.short), title: line(sms?.long) });
}

function addOptions(node, bubble, message, context) {
  if (message.layout === "buttons") {
    const buttons = message.options.map((option) =>
      h("button", { type: "button", class: "option-button", text: option.title, onclick: () => context.tap(option, message) }),
    );
    node.append(h("div", { class: "option-buttons", role: "group", "aria-label": "Buttons" }, ...buttons));
    bubble.classList.add("has-options");
  } else if (message.layout === "list") {
    const label = message.list_button || "Choose";
    const open = h("button", { type: "button", class: "option-button", onclick: () => context.open(message) }, icon("list"), label);
    node.append(h("div", { class: "option-buttons" }, open));
    bubble.classList.add("has-options");
  }
}

// As on a real phone they hang on the last message only, and go when something follows.
export function quickReplies(last, context) {
  if (last?.direction !== "out" || last.layout !== "quick_replies") return [];
  return last.options.map((option) =>
    h("button", { type: "button", class: "quick-reply", text: option.title, onclick: () => context.tap(option, last) }),
  );
}

export function drawPending(pending, again) {
  const bubble = h("div", { class: "bubble" }, h("span", { class: "text", text: pending.shown }));
  const node = h("div", { class: `message mine ${pending.failed ? "failed" : "sending"}` }, bubble);
  if (pending.failed) {
    node.append(h("button", { type: "button", class: "again-button", title: pending.failed, onclick: again }, icon("alert"), `${pending.failed} Try again`));
  } else {
    node.append(smallPrint(["sending"]));
  }
  return node;
}

// The rows of a list, in a sheet over the conversation.
export function sheet(screen, message, choose) {
  const opener = document.activeElement;
  const close = () => {
    veil.remove();
    opener?.focus?.({ preventScroll: true });
  };
  const rows = message.options.map((option) => {
    const pick = () => {
      close();
      choose(option);
    };
    const description = option.description ? h("small", { text: option.description }) : null;
    return h("li", {}, h("button", { type: "button", class: "row", onclick: pick }, h("span", {}, h("b", { text: option.title }), description), h("i", { class: "ring" })));
  });
  const title = message.list_button || "Choose";
  const dialog = h(
    "div",
    { class: "sheet", role: "dialog", "aria-modal": "true", "aria-label": title },
    h("header", {}, h("button", { type: "button", class: "sheet-close", "aria-label": "Close", onclick: close }, icon("close")), h("b", { text: title })),
    h("ul", {}, ...rows),
  );
  const veil = h("div", { class: "veil", onclick: (event) => event.target === veil && close() }, dialog);
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
    if (event.key === "Tab") turnAround(dialog, event);
  });
  screen.append(veil);
  dialog.querySelector(".row")?.focus();
}

function turnAround(dialog, event) {
  const buttons = [...dialog.querySelectorAll("button")];
  const edge = event.shiftKey ? buttons[0] : buttons.at(-1);
  if (document.activeElement !== edge) return;
  event.preventDefault();
  (event.shiftKey ? buttons.at(-1) : buttons[0]).focus();
}
