// Numbers of an axis whose lines are looked at in part: where it ends, what it labels, where words
// at the ends of lines stand. What `experiments/charts/scales.py` says of the whole, said of a part.

const LABEL_PX = 13;
const SMALLEST_FALL = 0.01;
const MANTISSAS = [[1, 1.5, 2, 3, 4, 6, 8], [1, 1.5, 2, 3, 5, 7], [1, 2, 3, 5], [1, 2, 5], [1, 3], [1]];
const STEPS = [1, 2, 2.5, 5, 10];
const NARROW = 1.8; // below this ratio a log axis looks linear and is labelled so

/** Return the points from `start` to `end`, and where the line crosses them. */
export function amid(rows, start, end) {
  const known = rows.filter(({ v }) => v !== null).map(({ t, v }) => ({ t: +t, v }));
  const inside = known.filter(({ t }) => t >= start && t <= end);
  const at = (ts) => {
    const after = known.findIndex(({ t }) => t > ts);
    if (after < 1) return [];
    const [a, b] = [known[after - 1], known[after]];
    return [{ t: ts, v: a.v + ((b.v - a.v) * (ts - a.t)) / (b.t - a.t) }];
  };
  return [...at(start), ...inside, ...at(end)];
}

/** Return where an axis of `values` ends: some air around them; falls hang from 0. */
export function endsOf(values, { isLog, isShare }) {
  const low = Math.min(...values);
  const high = Math.max(...values);
  if (isShare) return [Math.min(low, -SMALLEST_FALL), 0];
  if (isLog) {
    const air = high > low ? (high / low) ** 0.04 : 1.02;
    return [low / air, high * air];
  }
  const air = (high - low) * 0.04 || Math.abs(high) * 0.02 || 0.02;
  return [low - air, high + air];
}

function evenLabels(low, high, most) {
  const rough = (high - low) / most;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = STEPS.map((m) => m * magnitude).find((one) => one >= rough);
  const first = Math.ceil(low / step);
  const count = Math.floor(high / step) - first + 1;
  return Array.from({ length: count }, (_, i) => +((first + i) * step).toFixed(10));
}

function logLabels(low, high, most) {
  const first = Math.floor(Math.log10(low));
  const decades = Array.from({ length: Math.ceil(Math.log10(high)) + 1 - first }, (_, i) => first + i);
  let found = [];
  for (const mantissas of MANTISSAS) {
    const every = decades.flatMap((decade) => mantissas.map((m) => Number(`${m}e${decade}`)));
    found = every.filter((value) => value >= low && value <= high);
    if (found.length <= most) break;
  }
  const step = Math.ceil(found.length / most) || 1;
  found = found.filter((_, i) => i % step === 0);
  return found.length ? found : evenLabels(low, high, most);
}

/** Return round values inside an axis, about `most` of them. */
export function labelsOf(low, high, { most, isLog }) {
  return isLog && high / low >= NARROW ? logLabels(low, high, most) : evenLabels(low, high, most);
}

/** Return the d3 format with just the decimals that the labels need. */
export function formOf(values, isShare) {
  const [unit, fewest] = isShare ? [100, 0] : [1, 2];
  const isEnough = (digits) => values.every((v) => Math.abs(+(v * unit).toFixed(digits) - v * unit) < 1e-7);
  const digits = [0, 1, 2, 3, 4].find((one) => one >= fewest && isEnough(one)) ?? 4;
  return isShare ? `.${digits}%` : `,.${digits}f`;
}

/** Return what the axis says where the word of each line stands: none touches the next. */
export function placed(ends, low, high, { px, isLog }) {
  const [place, valueAt] = isLog ? [Math.log, Math.exp] : [Number, Number];
  const scale = px / (place(high) - place(low));
  const tops = ends.map((value) => Math.max(0, (place(high) - place(value)) * scale));
  const order = tops.map((_, i) => i).sort((a, b) => tops[a] - tops[b]);
  order.forEach((one, i) => {
    if (i) tops[one] = Math.max(tops[one], tops[order[i - 1]] + LABEL_PX);
  });
  order.reverse().forEach((one, i) => {
    tops[one] = Math.min(tops[one], i ? tops[order[i - 1]] - LABEL_PX : px);
  });
  return tops.map((top) => valueAt(place(high) - top / scale));
}
