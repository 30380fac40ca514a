// The page: a bar, phones side by side, and the vote board beside them.

import { knowing, read, readToken, repeat } from "./api.js";
import { Board } from "./board.js";
import { Bookings } from "./bookings.js";
import { h } from "./dom.js";
import { Phone } from "./phone.js";

const KEPT = "vaiven-phones";
// Reserved for fiction: +1 202 555 01xx and +44 7700 900xxx. The first of the former is the bot's own.
const ADDRESSES = {
  tel: (index) => `tel:+12025550${100 + index}`,
  whatsapp: (index) => `whatsapp:447700900${String(index).padStart(3, "0")}`,
  messenger: (index) => `messenger:${7000 + index}`,
};
const LAST = 99;
const LOOK_ONLY = "You can look, but not type: open the whole address that was printed at the start.";

const phones = new Map();
const place = document.getElementById("phones");
const status = document.getElementById("status");
const notice = document.getElementById("notice");
const troubles = new Map();

function tell(text) {
  notice.textContent = text ?? "";
  notice.hidden = !text;
}

// The bar says live as long as everything that reads can read.
function trouble(who, error) {
  if (error) troubles.set(who, error);
  else troubles.delete(who);
  const first = troubles.values().next().value;
  status.dataset.state = first ? "lost" : "live";
  status.textContent = first ? "not connected, trying again" : "live";
  status.title = first ? first.message : "Everything on this page is read from the store";
}

function kept() {
  try {
    const found = JSON.parse(sessionStorage.getItem(KEPT));
    if (Array.isArray(found) && found.every((address) => typeof address === "string")) return found;
  } catch {
    // nothing kept, or nothing to be read
  }
  return Object.values(ADDRESSES).map((address) => address(1));
}

function keep() {
  sessionStorage.setItem(KEPT, JSON.stringify([...phones.keys()]));
}

function add(address, config) {
  const phone = new Phone(address, config, {
    trouble: (error) => trouble(address, error),
    refused: () => tell(LOOK_ONLY),
    close() {
      phones.delete(address);
      troubles.delete(address);
      keep();
      place.focus();
    },
  });
  phones.set(address, phone);
  place.append(phone.node);
  keep();
  return phone;
}

function next(scheme) {
  for (let index = 1; index <= LAST; index += 1) {
    const address = ADDRESSES[scheme](index);
    if (!phones.has(address)) return address;
  }
  return null;
}

function showLinks(links) {
  const here = (link) => link.href === location.pathname && "page";
  const bar = document.getElementById("links");
  bar.replaceChildren(...links.map((link) => h("a", { href: knowing(link.href), "aria-current": here(link), text: link.title })));
  bar.hidden = links.length === 0;
}

async function start() {
  const config = await read("index.json");
  document.title = `${config.bot} · vaiven console`;
  showLinks(config.links);
  const canPhone = Object.keys(config.skins).length > 0;
  document.querySelector(".bar-add").hidden = !canPhone;
  place.hidden = !canPhone;
  for (const address of canPhone ? kept() : []) add(address, config);
  for (const button of document.querySelectorAll("[data-add]")) {
    button.addEventListener("click", () => {
      const address = next(button.dataset.add);
      if (address) add(address, config).show();
    });
  }
  const side = document.getElementById("board");
  // Where there is nothing to count, the phones have the room; but an empty page says why it is empty.
  side.hidden = canPhone && config.polls.length === 0 && !config.bookings;
  if (side.hidden) return;
  const board = config.bookings ? new Bookings(side) : new Board(side);
  repeat(() => board.refresh(), 1000, (error) => trouble("board", error));
}

function door() {
  tell(readToken() ? null : LOOK_ONLY);
}

addEventListener("hashchange", door);
door();
start().catch((error) => {
  trouble("page", error);
  tell(`${error.message} Reload this page to try again.`);
});
