// Looking again and again, and at once when the server says that something happened.

import { bearer } from "./session.js";

const HIDDEN_MS = 15000;
const GAP_MS = 500;
const AGAIN_MS = [500, 2000, 5000, 15000, 30000];

// Calls `work` at once and then every `every()` ms, less often while nobody sees the page: its title still tells how many wait.
export function repeat(work, every, trouble) {
  let timer = 0;
  let trailing = 0;
  let began = 0;
  let running = false;
  let again = false;
  let ended = false;
  const turn = async () => {
    clearTimeout(timer);
    again = running;
    if (running || ended) return;
    running = true;
    began = Date.now();
    try {
      await work();
      if (!ended) trouble(null);
    } catch (error) {
      if (!ended) trouble(error);
    }
    running = false;
    if (!ended) timer = setTimeout(turn, again ? 0 : Math.max(every(), document.hidden ? HIDDEN_MS : 0));
  };
  document.addEventListener("visibilitychange", turn);
  turn();
  return {
    now: turn,
    // Something happened: look at once, and a moment later again, since a list may lag behind; however much happens, no oftener.
    nudge() {
      if (trailing || ended) return;
      if (Date.now() - began >= GAP_MS) turn();
      trailing = setTimeout(() => {
        trailing = 0;
        turn();
      }, GAP_MS);
    },
    end() {
      ended = true;
      clearTimeout(timer);
      clearTimeout(trailing);
      document.removeEventListener("visibilitychange", turn);
    },
  };
}

// The events of the server, by a WebSocket. They say in which conversation something happened, and never what: that is read.
// Without it the page looks more often, and that is all: so whatever goes wrong here is no trouble of its own.
export class Live {
  // `happened(conversation)` is called for each event; with null when some may have been missed.
  constructor(happened) {
    this.happened = happened;
    this.connected = false;
    this.number = null;
    this.failed = 0;
    this.ended = false;
    this.#connect();
  }

  #connect() {
    const since = this.number === null ? "" : `?since=${this.number}`;
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/v1/events${since}`, ["vaiven", bearer()]);
    this.socket = socket;
    socket.onmessage = (told) => this.#told(JSON.parse(told.data));
    socket.onclose = () => {
      if (this.ended) return;
      if (this.connected) this.happened(null); // whether the server is there is found out by looking
      this.connected = false;
      this.timer = setTimeout(() => this.#connect(), AGAIN_MS[Math.min(this.failed, AGAIN_MS.length - 1)]);
      this.failed += 1;
    };
  }

  #told(event) {
    if (typeof event.number === "number") this.number = event.number;
    if (event.kind === "hello") {
      this.connected = true;
      this.failed = 0;
    } else {
      this.happened(event.conversation ?? null);
    }
  }

  end() {
    this.ended = true;
    clearTimeout(this.timer);
    this.socket.close();
  }
}
