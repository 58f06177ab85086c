// A chart whose time axis is moved or zoomed: its other axes follow what is in sight, and where more
// is known than it draws, finer points come. Its spec says in `usermeta.axes` which lines stand on
// which axis, and in `usermeta.zoom` where finer points are and what they replace.
//
//   [data-zoom-said]   in the same .figure: the span, how many bars it has, and how they are drawn
//   [data-zoom-back]   a button, hidden while all of it is in sight: shows all of it again

import { amid, endsOf, formOf, labelsOf, placed } from "./axis.js";

const SETTLED_MS = 150;
const MOST_POINTS = 1000; // of the span and half of it on each side
const day = (ts) => new Date(ts).toISOString().slice(0, 10);
const count = (number) => number.toLocaleString("en-US");
const partOf = (chart, name) => chart.closest(".figure")?.querySelector(`[data-zoom-${name}]`);

/** Return the coarse points with those of `finer`, whatever it covers, in their place. */
function merged(coarse, finer, { from, to }) {
  const before = coarse.filter(({ t }) => t < from);
  const after = coarse.filter(({ t }) => t > to);
  return [...before, ...finer, ...after];
}

function thinned(rows, most = rows.length) {
  const step = Math.max(1, Math.ceil(rows.length / most));
  return rows.filter((_, index) => index % step === 0);
}

/** Return a row without what Vega knows it by. */
const plain = (row) => Object.fromEntries(Object.entries(row));

/** Return how far each point lies below the highest one before it. */
function fallsOf(rows) {
  let peak = 0;
  return rows.map(({ t, v }) => {
    peak = Math.max(peak, v);
    return { t, v: v / peak - 1 };
  });
}

/** A y axis that goes from the lowest to the highest value in sight, and the words at its lines. */
class Axis {
  constructor(view, said) {
    Object.assign(this, said, { view, whole: view.signal(said.name) });
    const named = this.lines.filter(({ words }) => words).map(({ words }) => words);
    this.words = Object.fromEntries(named.map((name) => [name, view.data(name).map(plain)]));
  }

  rowsOf({ data, who }) {
    return this.view.data(data).filter((row) => row.who === who);
  }

  follow(start, end) {
    const seen = this.lines.map((line) => amid(this.rowsOf(line), start, end));
    const values = seen.flat().map(({ v }) => v);
    if (!values.length) return;
    const [low, high] = endsOf(values, this);
    const ticks = labelsOf(low, high, this);
    this.view.signal(this.name, { low, high, ticks, form: formOf(ticks, this.isShare) });
    this.place(seen.map((rows) => rows.at(-1)?.v ?? this.whole.low), low, high);
  }

  /** Put the word of each line where the line leaves the chart. */
  place(ends, low, high) {
    const places = placed(ends, low, high, this);
    for (const [name, rows] of Object.entries(this.words)) {
      const of = (row) => this.lines.findIndex(({ words, who }) => words === name && who === row.who);
      this.view.data(name, rows.map((row) => ({ ...row, v: places[of(row)] })));
    }
  }

  back() {
    this.view.signal(this.name, this.whole);
    for (const [name, rows] of Object.entries(this.words)) this.view.data(name, rows.map(plain));
  }
}

/** The points of a run between those that are drawn. */
class Finer {
  constructor(view, { url, lines }) {
    Object.assign(this, { view, url, lines, asked: new AbortController() });
    const copy = ({ data }) => [data, view.data(data).map(({ t, v }) => ({ t: +t, v }))];
    this.coarse = Object.fromEntries(lines.map(copy));
  }

  stop() {
    this.asked.abort();
    this.asked = new AbortController();
  }

  back() {
    this.stop();
    for (const { data } of this.lines) this.view.data(data, this.coarse[data]);
  }

  /** Draw the points of the span and half of it on each side; return what is to be said of them. */
  async show(start, end) {
    this.stop();
    const half = (end - start) / 2;
    const reach = { from: Math.floor(start - half), to: Math.ceil(end + half) };
    const series = await this.fetch(reach);
    this.draw(series, reach);
    const { ts, total_points: total } = series[this.lines[0].series];
    return ts.length === total ? "Every bar" : `${count(ts.length)} of ${count(total)} bars`;
  }

  async fetch({ from, to }) {
    const series = [...new Set(this.lines.map((line) => line.series))].join();
    const query = new URLSearchParams({ series, from, to, points: MOST_POINTS });
    const response = await fetch(`${this.url}?${query}`, { signal: this.asked.signal });
    if (!response.ok) throw new Error(`${this.url} answered ${response.status}`);
    return (await response.json()).series;
  }

  draw(series, reach) {
    for (const line of this.lines) {
      const { ts, value } = series[line.series];
      const finer = ts.map((t, i) => ({ t, v: value[i] === null ? null : value[i] / line.first }));
      const source = line.falls ? this.coarse[this.growthOf(line)] : this.coarse[line.data];
      const rows = merged(source, thinned(finer, line.most), reach);
      this.view.data(line.data, line.falls ? fallsOf(rows) : rows);
    }
  }

  /** Return the data of the line whose falls these are. */
  growthOf(falls) {
    return this.lines.find((line) => line.series === falls.series && !line.falls).data;
  }
}

class Zoom {
  constructor(chart, view, { axes, zoom }) {
    this.view = view;
    this.axes = axes.map((axis) => new Axis(view, axis));
    this.finer = zoom && new Finer(view, zoom);
    this.said = partOf(chart, "said");
    this.button = partOf(chart, "back");
    this.button?.addEventListener("click", () => view.signal("span_t", null).runAsync());
    view.addSignalListener("span_t", (_, span) => this.moved(span?.map(Number) ?? []));
  }

  /** Vega tells of a span while it draws: what follows from it is drawn in the next frame. */
  moved([start, end]) {
    clearTimeout(this.waiting);
    cancelAnimationFrame(this.frame);
    const isPart = end > start;
    if (this.button) this.button.hidden = !isPart;
    if (isPart) this.waiting = setTimeout(() => this.settled(start, end), SETTLED_MS);
    this.frame = requestAnimationFrame(() => (isPart ? this.follow(start, end) : this.whole()));
  }

  follow(start, end) {
    for (const axis of this.axes) axis.follow(start, end);
    this.view.runAsync();
  }

  whole() {
    this.finer?.back();
    for (const axis of this.axes) axis.back();
    this.say("");
    this.view.runAsync();
  }

  async settled(start, end) {
    const span = `from ${day(start)} to ${day(end)}`;
    if (!this.finer) return this.say(`In sight: ${span}.`);
    try {
      this.say(`${await this.finer.show(start, end)} ${span} and half as far on each side.`);
      this.follow(start, end);
    } catch (error) {
      if (error.name !== "AbortError") this.say("Finer points could not be fetched; these are those of the whole.");
    }
    return undefined;
  }

  say(text) {
    if (this.said) this.said.textContent = text;
  }
}

document.addEventListener("chart:drawn", ({ target, detail: { view, spec } }) => {
  if (spec.usermeta?.axes) new Zoom(target, view, spec.usermeta);
});
