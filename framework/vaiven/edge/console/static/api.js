// The console's own API: JSON twins to read, and the one act: typing on a phone.

const KEPT = "vaiven-token";
const INBOX = "/inbox/";
const KEPT_BY_INBOX = "vaiven-agent-token";

// The token came in the address's fragment, in the demo the inbox's with it. They are kept for this tab and taken out of the
// address bar.
export function readToken() {
  const told = new URLSearchParams(location.hash.slice(1));
  if (told.get("inbox")) sessionStorage.setItem(KEPT_BY_INBOX, told.get("inbox"));
  if (told.get("token")) {
    sessionStorage.setItem(KEPT, told.get("token"));
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem(KEPT);
}

// The address of another page here, with what it needs to know us by: another tab has a memory of its own.
export function knowing(href) {
  const [token, agent] = [sessionStorage.getItem(KEPT), sessionStorage.getItem(KEPT_BY_INBOX)];
  const told = new URLSearchParams(href === INBOX ? { token: agent ?? "" } : { token: token ?? "", inbox: agent ?? "" });
  for (const [name, value] of [...told]) if (!value) told.delete(name);
  return told.size ? `${href}#${told}` : href;
}

export class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

async function answered(response) {
  if (response.ok) return response;
  let text = `The server answered ${response.status}.`;
  try {
    text = (await response.json()).error ?? text;
  } catch {
    // not JSON: the status says enough
  }
  throw new Refused(response.status, text);
}

export async function readText(path) {
  return (await answered(await fetch(path, { cache: "no-store" }))).text();
}

export async function read(path) {
  return JSON.parse(await readText(path));
}

export const phonePath = (address) => `phones/${encodeURIComponent(address)}.json`;
export const testPath = (address) => `phones/${encodeURIComponent(address)}.test.yaml`;
export const pollPath = (poll) => `votes/${encodeURIComponent(poll)}.json`;

export async function type(address, message) {
  const response = await fetch(`phones/${encodeURIComponent(address)}/messages`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Vaiven-Token": sessionStorage.getItem(KEPT) ?? "" },
    body: JSON.stringify(message),
  });
  return (await answered(response)).json();
}

export function freshId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Calls `work` again and again while the page is visible; `work` may say how long to wait until the next time.
export function repeat(work, everyMs, trouble) {
  let timer = 0;
  let running = false;
  let ended = false;
  const turn = async () => {
    clearTimeout(timer);
    if (running || ended || document.hidden) return;
    running = true;
    let wait = everyMs;
    try {
      wait = (await work()) ?? everyMs;
      trouble(null);
    } catch (error) {
      trouble(error);
      wait = Math.max(everyMs, 1000);
    }
    running = false;
    if (!ended) timer = setTimeout(turn, wait);
  };
  document.addEventListener("visibilitychange", turn);
  turn();
  return {
    now: turn,
    end() {
      ended = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", turn);
    },
  };
}
