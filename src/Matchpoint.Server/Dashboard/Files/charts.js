// Two charts of the last five minutes. Drawn whole each time: a few hundred points are nothing.

import { at, bytes, milliseconds, short, write } from './dom.js';

const minutes = 5;
const right = 4, top = 8, bottom = 18, left = 48;

/** Shows what the group did lately. */
export function showCharts(samples) {
  const last = samples.at(-1);
  write(at('commits'), short(last?.commits ?? null));
  write(at('bytes'), last ? `· ${bytes(last.bytes)}/s · ${short(last.reads)} reads/s` : '');
  const timed = samples.findLast(sample => sample.p50 !== undefined && sample.p50 !== null && sample.at > (last?.at ?? 0) - 10000);
  write(at('p50'), milliseconds(timed?.p50));
  write(at('p99'), milliseconds(timed?.p99));
  draw(at('throughput'), samples, [['first', sample => sample.commits]], linear);
  // By powers of ten: one slow commit must not press all others flat.
  draw(at('latency'), samples, [['first', sample => sample.p50], ['second', sample => sample.p99]], logarithmic);
  write(at('throughput-text'), last ? `${short(last.commits)} commits a second now; the highest in five minutes was ${short(Math.max(...samples.map(sample => sample.commits)))}.` : 'Nothing was measured yet.');
  write(at('latency-text'), timed ? `Half of the commits took at most ${milliseconds(timed.p50)}, 99 of 100 at most ${milliseconds(timed.p99)}.` : 'No commits lately.');
}

/** From nothing to a little above the most. */
function linear(values) {
  const most = nice(Math.max(10, ...values));
  return { share: value => value / most, ticks: [0, most / 2, most].map(value => [value, short(value)]) };
}

/** Milliseconds by powers of ten, from a tenth of one. */
function logarithmic(values) {
  const least = -1;
  const most = Math.max(2, Math.ceil(Math.log10(Math.max(.1, ...values))));
  const powers = Array.from({ length: most - least + 1 }, (_, index) => least + index);
  return {
    share: value => Math.max(0, (Math.log10(Math.max(value, .1)) - least) / (most - least)),
    ticks: powers.map(power => [10 ** power, power < 3 ? `${10 ** power} ms` : `${10 ** (power - 3)} s`]),
  };
}

function draw(svg, samples, lines, scaleOf) {
  const width = svg.clientWidth, height = svg.clientHeight;
  if (width === 0) return;
  const end = samples.at(-1)?.at ?? Date.now();
  const begin = end - minutes * 60000;
  const scale = scaleOf(lines.flatMap(([, of]) => samples.map(of)).filter(Number.isFinite));
  const x = time => left + (time - begin) / (end - begin) * (width - left - right);
  const y = value => height - bottom - scale.share(value) * (height - top - bottom);
  const parts = [];
  for (const [value, label] of scale.ticks) {
    const at = y(value);
    parts.push(shape('line', { class: 'grid', x1: left, x2: width - right, y1: at, y2: at }));
    parts.push(text(left - 6, at + 4, label, 'end'));
  }
  parts.push(text(left, height - 3, `${minutes} min ago`, 'start'), text(width - right, height - 3, 'now', 'end'));
  for (const [name, of] of lines) {
    const path = pathOf(samples, of, x, y);
    if (name === 'first' && lines.length === 1 && samples.length > 1) {
      parts.push(shape('path', { class: 'area', d: `${path}L${x(end)} ${y(0)}L${x(samples[0].at)} ${y(0)}Z` }));
    }
    parts.push(shape('path', { class: name, d: path }));
  }
  const words = svg.querySelector('desc');
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  svg.replaceChildren(words, ...parts);
}

/** A line through the points; it is broken where there is none. */
function pathOf(samples, of, x, y) {
  let path = '', isBroken = true;
  for (const sample of samples) {
    const value = of(sample);
    if (!Number.isFinite(value)) {
      isBroken = true;
      continue;
    }
    path += `${isBroken ? 'M' : 'L'}${x(sample.at).toFixed(1)} ${y(value).toFixed(1)}`;
    isBroken = false;
  }
  return path;
}

/** The next of 1, 2, 5, 10, 20, 50 ... */
function nice(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map(step => step * power).find(step => step >= value * .999);
}

function text(x, y, words, anchor) {
  const element = shape('text', { x, y, 'text-anchor': anchor });
  element.textContent = words;
  return element;
}

function shape(name, attributes) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
