// Who is signed in, and every request to the HTTP API. The token lives in this tab's sessionStorage and goes out as a header only.

const KEPT = "vaiven-agent-token";
const TRIES_MS = [300, 1000, 2500];
const PATIENCE_MS = 15000;

let skewMs = 0;

// The server's clock: waits and windows are told by it, however wrong this machine's own is.
export const now = () => Date.now() + skewMs;

export class Problem extends Error {
  constructor(status, told) {
    super(told.detail || told.title || `The server answered ${status}.`);
    this.status = status;
    this.code = told.code ?? "";
    this.title = told.title ?? "";
    this.holder = told.holder ?? null;
    this.version = told.version ?? null;
  }

  // Nobody can say what became of the request: the same again, under the same key, is safe.
  get isPassing() {
    return this.status === 0 || this.status === 202 || this.status === 429 || this.status === 503;
  }
}

// A token in the address's fragment signs in, and is taken out of the address bar.
export function token() {
  const told = new URLSearchParams(location.hash.slice(1)).get("token");
  if (told) {
    keepToken(told);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem(KEPT);
}

export function keepToken(told) {
  sessionStorage.setItem(KEPT, told.trim());
}

// Drafts too: whoever sits here next must not read them.
export function forgetEverything() {
  for (const key of Object.keys(sessionStorage)) if (key.startsWith("vaiven-agent-")) sessionStorage.removeItem(key);
}

export const bearer = () => sessionStorage.getItem(KEPT) ?? "";

async function once(method, path, body, headers) {
  const asked = { ...headers, Authorization: `Bearer ${bearer()}` };
  if (body !== undefined) asked["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(`/v1${path}`, {
      method,
      headers: asked,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  } catch (error) {
    if (error instanceof TypeError || error.name === "TimeoutError") throw new Problem(0, { detail: "The server does not answer." });
    throw error;
  }
  const date = Date.parse(response.headers.get("Date") ?? "");
  // The header has whole seconds: less than that is no difference of clocks.
  if (date && Math.abs(date - Date.now()) > 1500) skewMs = date - Date.now();
  else if (date) skewMs = 0;
  let told = {};
  try {
    told = await response.json();
  } catch {
    // not JSON: the status says enough
  }
  if (!response.ok || response.status === 202) throw new Problem(response.status, told);
  return told;
}

export const read = (path) => once("GET", path);

export function query(parameters) {
  const told = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value));
  return told.size ? `?${told}` : "";
}

// One act. It is asked again by itself, with the same key, while nobody can say what became of it.
export async function act(id, name, body, { key = freshId(), version } = {}) {
  const headers = { "Idempotency-Key": key };
  if (version !== undefined) headers["If-Match"] = `"${version}"`;
  for (let tried = 0; ; tried += 1) {
    try {
      return await once("POST", `/conversations/${encodeURIComponent(id)}/${name}`, body, headers);
    } catch (error) {
      if (!(error instanceof Problem) || !error.isPassing || tried >= TRIES_MS.length) throw error;
      await new Promise((done) => setTimeout(done, TRIES_MS[tried]));
    }
  }
}

export function freshId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
