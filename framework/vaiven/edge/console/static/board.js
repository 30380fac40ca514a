// The vote board. Every number on it is the store's, and all of a poll's change at once, so that they always add up.

import { pollPath, read } from "./api.js";
import { h, plural, s, whole } from "./dom.js";

const HISTORY = 60;
const SHADES = 6;

class Poll {
  constructor(name) {
    this.rates = [];
    this.rows = new Map();
    this.total = h("strong", { class: "total-number", text: "0" });
    this.rate = h("strong", { class: "rate-number", text: "–" });
    this.line = s("polyline", { class: "spark-line", points: "" });
    this.area = s("polygon", { class: "spark-area", points: "" });
    this.options = h("ol", { class: "options" });
    this.rejected = h("ul", { class: "rejected", "aria-label": "Votes not counted, by reason" });
    this.sum = h("p", { class: "sum" });
    const spark = s("svg", { class: "spark", viewBox: "0 0 120 40", preserveAspectRatio: "none", "aria-hidden": "true" });
    spark.append(this.area, this.line);
    this.node = h(
      "section",
      { class: "poll card", "aria-label": `Poll ${name}` },
      h("header", { class: "poll-head" }, h("h2", { text: name }), h("a", { href: pollPath(name), text: "JSON" })),
      h(
        "div",
        { class: "figures" },
        h("p", { class: "total" }, this.total, h("span", { text: "votes counted" })),
        h("p", { class: "rate" }, this.rate, h("span", { text: "votes a second" })),
        spark,
      ),
      this.options,
      this.rejected,
      this.sum,
    );
  }

  show(poll) {
    const known = poll.sampled_ms > 0;
    this.total.textContent = whole(poll.counted);
    this.rate.textContent = known ? poll.per_second.toFixed(1) : "–";
    if (known) this.draw(poll.per_second);
    this.node.classList.toggle("moving", poll.per_second > 0);
    this.showOptions(poll);
    const reasons = Object.entries(poll.rejected);
    this.rejected.replaceChildren(
      ...reasons.map(([reason, count]) => h("li", {}, h("b", { text: whole(count) }), ` ${reason}`)),
    );
    this.rejected.hidden = reasons.length === 0;
    const refused = poll.accepted - poll.counted;
    this.sum.textContent = `${plural(poll.accepted, "vote")} accepted = ${whole(poll.counted)} counted + ${whole(refused)} not counted`;
  }

  showOptions(poll) {
    const entries = Object.entries(poll.options);
    const most = Math.max(1, ...Object.values(poll.options));
    const leaders = entries.filter(([, count]) => count === most).length;
    entries.forEach(([id, count], index) => {
      const row = this.rows.get(id) ?? this.addRow(id, poll.labels[id] ?? id, index);
      const share = poll.counted ? count / poll.counted : 0;
      row.count.textContent = whole(count);
      row.share.textContent = `${(share * 100).toFixed(1)} %`;
      row.fill.style.setProperty("--share", String(share));
      row.node.classList.toggle("leads", count === most && leaders === 1);
      row.node.classList.toggle("tied", count === most && leaders > 1);
    });
  }

  addRow(id, label, index) {
    const row = {
      count: h("b", { class: "option-count", text: "0" }),
      share: h("span", { class: "option-share" }),
      fill: h("span", { class: "option-fill" }),
    };
    row.node = h(
      "li",
      { class: `option shade-${index % SHADES}`, data: { option: id } },
      h("span", { class: "option-label", text: label }),
      row.count,
      h("span", { class: "option-bar", "aria-hidden": "true" }, row.fill),
      row.share,
    );
    this.rows.set(id, row);
    this.options.append(row.node);
    return row;
  }

  draw(rate) {
    this.rates.push(rate);
    if (this.rates.length > HISTORY) this.rates.shift();
    const most = Math.max(1, ...this.rates) * 1.15;
    const from = 120 - (this.rates.length - 1) * (120 / (HISTORY - 1));
    const points = this.rates.map((value, index) => {
      const x = from + index * (120 / (HISTORY - 1));
      return `${x.toFixed(1)},${(39 - (value / most) * 37).toFixed(1)}`;
    });
    this.line.setAttribute("points", points.join(" "));
    this.area.setAttribute("points", [`${from.toFixed(1)},40`, ...points, "120,40"].join(" "));
  }
}

export class Board {
  constructor(node) {
    this.node = node;
    this.polls = new Map();
    this.empty = h("p", { class: "card nothing", text: "No flow of this bot counts votes." });
  }

  async refresh() {
    const { polls } = await read("votes.json");
    for (const poll of polls) {
      let shown = this.polls.get(poll.poll);
      if (!shown) {
        shown = new Poll(poll.poll);
        this.polls.set(poll.poll, shown);
        this.node.append(shown.node);
      }
      shown.show(poll);
    }
    if (polls.length) this.empty.remove();
    else this.node.append(this.empty);
  }
}
