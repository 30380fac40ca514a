// How things are called on the page: times, people, what happened. Texts only.

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

// 40 s, 4 min, 2 h 05 min, 3 d
export function span(ms) {
  const past = Math.max(0, ms);
  if (past < MINUTE) return `${Math.floor(past / 1000)} s`;
  if (past < HOUR) return `${Math.floor(past / MINUTE)} min`;
  if (past < DAY) return `${Math.floor(past / HOUR)} h ${String(Math.floor((past % HOUR) / MINUTE)).padStart(2, "0")} min`;
  return `${Math.floor(past / DAY)} d`;
}

export const LONG_MS = 5 * MINUTE;
export const SOON_MS = 2 * HOUR;

export function day(ms) {
  return new Date(ms).toLocaleDateString([], { weekday: "long", day: "numeric", month: "long" });
}

export function clockTime(ms) {
  return new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

// An address as people read it: a number, or a name in an app.
export function address(person) {
  const [, scheme, name] = /^([a-z]+):(.*)$/s.exec(person) ?? ["", "", person];
  if (scheme === "tel") return name;
  if (scheme === "whatsapp" && /^[0-9]+$/.test(name)) return `+${name}`;
  return scheme ? `${scheme[0].toUpperCase()}${scheme.slice(1)} ${name}` : name;
}

export const called = (one) => one.name || address(one.person);

export const holder = (agent) => agent?.name || agent?.id || "somebody else";

const OUTCOMES = {
  queued: "waits to be sent",
  held: "waits to be sent",
  claimed: "is being sent",
  dialed: "is being sent",
  retry: "will be tried again",
  accepted: "sent",
  sent: "sent",
  delivered: "delivered",
  read: "read",
  failed: "not delivered",
  rejected: "refused",
  expired: "too late, not sent",
  suppressed: "not sent",
  unknown: "nobody knows if it was sent",
};
const BAD = new Set(["failed", "rejected", "expired", "suppressed", "unknown"]);

export function outcome(item) {
  if (!item.outcome) return null;
  const text = OUTCOMES[item.outcome] ?? item.outcome;
  return { text: item.why ? `${text} (${item.why.replaceAll("_", " ")})` : text, bad: BAD.has(item.outcome) };
}

const EVENTS = {
  "agent.joined": (who) => `${who} took the conversation`,
  "agent.returned": (who) => `${who} handed it back to the bot`,
  "agent.closed": (who) => `${who} closed it`,
  "control:bot": () => "The bot has the conversation",
  "control:agent": () => "People have the conversation",
};

export function happened(item) {
  const who = item.name || item.agent || "Somebody";
  const told = EVENTS[item.event];
  if (told) return told(who);
  if (item.event.startsWith("refused:")) return `${who} could not do something: ${refusal(item.event.slice(8))}`;
  return item.event;
}

const REFUSALS = {
  taken: "somebody else had it",
  not_waiting: "nobody was waiting",
  not_yours: "it was not theirs",
  moved: "something had happened meanwhile",
  window: "the channel's window had closed",
  opted_out: "the person had said STOP",
  not_heard: "the flow has no way out for it",
};
const refusal = (code) => REFUSALS[code] ?? code;

// What an agent reads whose conversation was ended or taken by something else than their own act here.
export function lost(seen, kept) {
  const text = seen.holder ? `${seen.holder} has this conversation now.` : "You no longer have this conversation.";
  return kept ? `${text} Your text is kept.` : text;
}

// What went wrong with an act, as its agent should read it.
export function sorry(problem, kept) {
  const draft = kept ? " Your text is kept." : "";
  const who = problem.holder ? holder(problem.holder) : "";
  switch (problem.code) {
    case "taken":
      return `${who || "Somebody"} took this conversation before you.${draft}`;
    case "not_yours":
      return who ? `${who} has this conversation now.${draft}` : `You do not have this conversation: take it first.${draft}`;
    case "not_waiting":
      return `Nobody waits here any more.${draft}`;
    case "window":
      return `The channel's window has closed meanwhile: only a template can be sent.${draft}`;
    case "opted_out":
      return `They said STOP, so nothing may be sent to them.${draft}`;
    case "moved":
      return `They wrote meanwhile. Look, then do it again.${draft}`;
    case "forbidden":
      return `Your token may only look.${draft}`;
    default:
      return problem.isPassing ? `The server does not answer.${draft} Doing it again is safe.` : `${problem.message}${draft}`;
  }
}
