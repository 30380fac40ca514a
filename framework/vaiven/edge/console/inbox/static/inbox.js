// The page: a door for a token, the list, one conversation.

import { List } from "./list.js";
import { Live, repeat } from "./live.js";
import { Problem, forgetEverything, keepToken, read, token } from "./session.js";
import { Talk } from "./talk.js";

// So often the page looks by itself: while events come, only for what they do not tell, such as a receipt of a message.
const LIST_MS = { alone: 3000, told: 15000 };
const TALK_MS = { alone: 2000, told: 5000 };
const WRITE = "conversations:write";

const byId = (id) => document.getElementById(id);
const status = byId("status");
const troubles = new Map();
let ends = [];

function aloud(text) {
  byId("aloud").textContent = text;
}

function tell(text) {
  byId("notice").textContent = text ?? "";
  byId("notice").hidden = !text;
}

function trouble(who, error) {
  if (error instanceof Problem && error.status === 401) return leave("This token does not count, or no more. Paste another one.");
  if (error) troubles.set(who, error);
  else troubles.delete(who);
  const first = troubles.values().next().value;
  status.dataset.state = first ? "lost" : "live";
  status.textContent = first ? "not connected, trying again" : "live";
  status.title = first ? first.message : "";
}

function leave(why) {
  for (const end of ends) end();
  ends = [];
  troubles.clear();
  status.dataset.state = "starting";
  status.textContent = "signed out";
  document.title = "vaiven inbox";
  byId("who").hidden = byId("desk").hidden = true;
  byId("door").hidden = false;
  tell(why);
  byId("token").value = "";
  byId("token").focus();
}

function enter(me) {
  byId("door").hidden = true;
  byId("desk").hidden = byId("who").hidden = false;
  byId("who-name").textContent = me.agent.name || me.agent.id;
  const canAct = me.scopes.includes(WRITE);
  byId("who-scope").hidden = canAct;
  tell(null);
  const view = (name) => (document.body.dataset.view = name);
  let listing = null;
  let talking = null;
  const talk = new Talk(me.agent.id, canAct, {
    changed: () => listing?.nudge(),
    left(id) {
      view("list");
      talk.nothing();
      list.select(null);
      list.focus(id);
    },
    aloud,
  });
  const list = new List(me.agent.id, {
    open(id) {
      view("talk");
      list.select(id);
      talk.open(id).catch((error) => trouble("talk", error));
    },
    aloud,
  });
  view("list");
  const live = new Live((id) => {
    listing?.nudge();
    if (id === null || id === talk.id) talking?.nudge();
  });
  const pace = (ms) => () => (live.connected ? ms.told : ms.alone);
  listing = repeat(() => list.refresh(), pace(LIST_MS), (error) => trouble("list", error));
  talking = repeat(() => talk.refresh(), pace(TALK_MS), (error) => trouble("talk", error));
  const ticking = setInterval(() => {
    list.tick();
    talk.tick();
  }, 1000);
  const parts = [live, listing, talking, talk, list];
  ends = [() => clearInterval(ticking), ...parts.map((part) => () => part.end())];
}

async function knock() {
  if (!token()) return leave(null);
  try {
    enter(await read("/me"));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.status === 401 || error.status === 403) return leave("This token does not count. Was it pasted whole?");
    trouble("door", error);
    setTimeout(knock, 2000);
  }
}

byId("door-form").addEventListener("submit", (event) => {
  event.preventDefault();
  // A token is ASCII; a header could not carry anything else.
  const told = byId("token").value.trim();
  if (!/^[!-~]+$/.test(told)) return tell("This is no token: it begins with vvn_ and has no spaces.");
  keepToken(told);
  knock();
});
byId("sign-out").addEventListener("click", () => {
  forgetEverything();
  leave(null);
});
addEventListener("hashchange", () => {
  if (!location.hash.includes("token=")) return;
  for (const end of ends) end();
  ends = [];
  knock();
});
knock();
