// The start page: a card for each bot, and the way to its pages.

import { knowing, read, readToken } from "./api.js";
import { h } from "./dom.js";

const LOOK_ONLY = "You can look, but not type: open the whole address that was printed at the start.";

function tell(text) {
  const notice = document.getElementById("notice");
  notice.textContent = text ?? "";
  notice.hidden = !text;
}

function card(bot) {
  const [first, ...others] = bot.links;
  const link = (kind) => ({ title, href }) => h("a", { class: kind, href: knowing(href), text: title });
  return h(
    "li",
    { class: "bot card", data: { bot: bot.name } },
    h("h2", { text: bot.title }),
    h("p", { class: "about", text: bot.about }),
    h("p", { class: "say-first", text: "Say, for example" }),
    h("ol", { class: "say" }, ...bot.say.map((words) => h("li", { text: words }))),
    h("p", { class: "ways" }, link("way first")(first), ...others.map(link("way"))),
  );
}

async function start() {
  tell(readToken() ? null : LOOK_ONLY);
  const { bots } = await read("/index.json");
  document.getElementById("cards").replaceChildren(...bots.map(card));
}

addEventListener("hashchange", start);
start().catch((error) => tell(`${error.message} Reload this page to try again.`));
