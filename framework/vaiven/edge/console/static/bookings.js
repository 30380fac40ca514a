// The board of a booking bot: which tables are held and booked, by day. It is the store's word, as the vote board is.

import { read } from "./api.js";
import { h, plural, whole } from "./dom.js";

const PATH = "bookings.json";

export class Bookings {
  constructor(node) {
    this.total = h("strong", { class: "total-number", text: "0" });
    this.unit = h("span", { text: "bookings" });
    this.days = h("div", { class: "days" });
    node.append(
      h(
        "section",
        { class: "books card", "aria-label": "Bookings" },
        h("header", { class: "poll-head" }, h("h2", { text: "Bookings" }), h("a", { href: PATH, text: "JSON" })),
        h("div", { class: "figures" }, h("p", { class: "total" }, this.total, this.unit)),
        this.days,
      ),
    );
  }

  async refresh() {
    const { days } = await read(PATH);
    const seal = JSON.stringify(days);
    if (seal === this.seal) return;
    this.seal = seal;
    const booked = days.flatMap((day) => day.bookings).filter((each) => each.state === "booked");
    this.total.textContent = whole(booked.length);
    this.unit.textContent = booked.length === 1 ? "booking" : "bookings";
    const shown = days.filter((day) => day.bookings.length || day.waiting || day.blocked.length);
    this.days.replaceChildren(...shown.map(drawDay));
    if (!shown.length) this.days.append(h("p", { class: "no-days", text: "Nothing is booked yet." }));
  }
}

function drawDay(day) {
  const more = [day.waiting && `${plural(day.waiting, "guest")} waiting`, day.blocked.length && `not to be had: ${day.blocked.join(", ")}`];
  const told = more.filter(Boolean).join(" · ");
  return h(
    "section",
    { class: "day", data: { day: day.day } },
    h("h3", {}, h("span", { text: shownDay(day.day) }), h("small", { text: day.place })),
    h("ul", {}, ...day.bookings.map(drawBooking)),
    told ? h("p", { class: "day-more", text: told }) : null,
  );
}

function drawBooking(booking) {
  const people = booking.people === 1 ? "1 person" : `${whole(booking.people)} people`;
  return h(
    "li",
    { class: `booking ${booking.state}`, data: { code: booking.code } },
    h("b", { text: `${booking.at}–${booking.ends}` }),
    h("span", { text: people }),
    h("span", { class: "booking-state", text: booking.state === "booked" ? booking.code : booking.state }),
  );
}

function shownDay(day) {
  return new Date(`${day}T12:00`).toLocaleDateString("en", { weekday: "long", day: "numeric", month: "long" });
}
