// A chart that knows more than it draws: whoever moves or zooms its time axis is shown the finer
// points of that span. Its spec says in `usermeta.zoom` where they are and what they replace.
//
//   [data-zoom-said]   in the same .figure: how many bars the span has, and how they are drawn

const SETTLED_MS = 150;
const MOST_POINTS = 1000; // of the span and half of it on each side
const day = (ts) => new Date(ts).toISOString().slice(0, 10);

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

/** Return how far each point lies below the highest one before it. */
function fallsOf(rows) {
  let peak = 0;
  return rows.map(({ t, v }) => {
    peak = Math.max(peak, v);
    return { t, v: v / peak - 1 };
  });
}

class Zoom {
  constructor(chart, view, { url, lines }) {
    Object.assign(this, { view, url, lines, asked: new AbortController() });
    this.said = chart.closest(".figure").querySelector("[data-zoom-said]");
    const copy = ({ data }) => [data, view.data(data).map(({ t, v }) => ({ t: +t, v }))];
    this.coarse = Object.fromEntries(lines.map(copy));
    view.addSignalListener("span_t", (_, span) => this.moved(span));
  }

  moved(span) {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.show(span?.map(Number)), SETTLED_MS);
  }

  async show(span) {
    this.asked.abort();
    this.asked = new AbortController();
    const [start, end] = span ?? [];
    if (!(end > start)) return this.whole();
    const half = (end - start) / 2;
    const reach = { from: Math.floor(start - half), to: Math.ceil(end + half) };
    try {
      this.draw(await this.fetch(reach), reach, start, end);
    } catch (error) {
      if (error.name !== "AbortError") this.say("Finer points could not be fetched; these are those of the whole.");
    }
  }

  whole() {
    for (const { data } of this.lines) this.view.data(data, this.coarse[data]);
    this.say("");
    this.view.runAsync();
  }

  async fetch({ from, to }) {
    const series = [...new Set(this.lines.map((line) => line.series))].join();
    const query = new URLSearchParams({ series, from, to, points: MOST_POINTS });
    const response = await fetch(`${this.url}?${query}`, { signal: this.asked.signal });
    if (!response.ok) throw new Error(`${this.url} answered ${response.status}`);
    return (await response.json()).series;
  }

  draw(series, reach, start, end) {
    for (const line of this.lines) {
      const { ts, value } = series[line.series];
      const finer = ts.map((t, i) => ({ t, v: value[i] === null ? null : value[i] / line.first }));
      const source = line.falls ? this.coarse[this.growthOf(line)] : this.coarse[line.data];
      const rows = merged(source, thinned(finer, line.most), reach);
      this.view.data(line.data, line.falls ? fallsOf(rows) : rows);
    }
    const { ts, total_points: total } = series[this.lines[0].series];
    const drawn = ts.length === total ? "Every bar" : `${ts.length} of ${total} bars`;
    this.say(`${drawn} from ${day(start)} to ${day(end)} and half as far on each side.`);
    this.view.runAsync();
  }

  /** Return the data of the line whose falls these are. */
  growthOf(falls) {
    return this.lines.find((line) => line.series === falls.series && !line.falls).data;
  }

  say(text) {
    if (this.said) this.said.textContent = text;
  }
}

document.addEventListener("chart:drawn", ({ target, detail: { view, spec } }) => {
  if (spec.usermeta?.zoom) new Zoom(target, view, spec.usermeta.zoom);
});
