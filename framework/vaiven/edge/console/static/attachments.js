// What a phone can send besides words: a photo or a place, both made up.

import { h, icon } from "./dom.js";

const KINDS = {
  photo: {
    name: "Photo",
    icon: "photo",
    message: { media: [{ mime: "image/jpeg", ref: "a-photo", name: "photo.jpg" }] },
    shown: "photo.jpg",
  },
  place: {
    name: "Place",
    icon: "pin",
    message: { location: { latitude: 40.4168, longitude: -3.7038, name: "Puerta del Sol" } },
    shown: "Puerta del Sol",
  },
};

// A button that opens a small menu of these kinds.
export function attachments(kinds, title, send) {
  const button = h("button", { type: "button", class: "attach", "aria-label": `Attach something on the ${title}`, "aria-expanded": "false" }, icon("plus"));
  const items = kinds.map((kind) => {
    const { name, message, shown } = KINDS[kind];
    const pick = () => {
      open(false);
      send(message, shown);
    };
    return h("button", { type: "button", class: "attach-item", onclick: pick }, icon(KINDS[kind].icon), name);
  });
  const menu = h("div", { class: "attach-menu", role: "group", "aria-label": "Attach", hidden: true }, ...items);
  const node = h("div", { class: "attaching" }, button, menu);
  const open = (wanted) => {
    menu.hidden = !wanted;
    button.setAttribute("aria-expanded", String(wanted));
  };
  button.addEventListener("click", () => open(menu.hidden));
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || menu.hidden) return;
    open(false);
    button.focus();
  });
  node.addEventListener("focusout", (event) => {
    if (!node.contains(event.relatedTarget)) open(false);
  });
  return node;
}
