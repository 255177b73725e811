// Small tools to write the page with. Text is always set as text, never as markup: keys and names are anybody's.

/** The element of an id. */
export const at = id => document.getElementById(id);

/** An element with attributes and children. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? '' : value);
  }
  element.append(...children.filter(child => child !== null && child !== undefined));
  return element;
}

/** Sets a text where it differs: what does not change is not touched, so that nothing flickers and no reader reads it again. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A number as people read it. */
export const count = value => Number(value).toLocaleString('en-US');

/** A number in few characters. */
export function short(value) {
  if (value === null || value === undefined) return '–';
  if (value >= 1e6) return `${(value / 1e6).toFixed(value >= 1e7 ? 0 : 1)}M`;
  if (value >= 1e4) return `${(value / 1e3).toFixed(value >= 1e5 ? 0 : 1)}k`;
  return count(Math.round(value));
}

/** Bytes in few characters. */
export function bytes(value) {
  for (const unit of ['B', 'KiB', 'MiB', 'GiB']) {
    if (value < 1024 || unit === 'GiB') return `${value < 10 && unit !== 'B' ? value.toFixed(1) : Math.round(value)} ${unit}`;
    value /= 1024;
  }
}

/** Milliseconds in few characters. */
export function milliseconds(value) {
  if (value === null || value === undefined) return '–';
  if (value < 1) return `${value.toFixed(2)} ms`;
  if (value < 100) return `${value.toFixed(1)} ms`;
  return value < 10000 ? `${Math.round(value)} ms` : `${Math.round(value / 1000)} s`;
}

/** So many of something. */
export const many = (value, one, more = `${one}s`) => `${count(value)} ${value === 1 ? one : more}`;

/** A sentence begins with a capital. */
export const sentence = text => text.charAt(0).toUpperCase() + text.slice(1).replace(/\.?$/, '.');

/** A step of a syncup; at the beginning there is no record yet that it could be at. */
export const stepText = step => step.step.replace(/ at null$/, '');

/** A time of day. */
export const clock = time => new Date(time).toLocaleTimeString('en-GB');

/** A date with its time. */
export const date = time => new Date(time).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });

/** The milliseconds of a span of time as .NET writes it: [d.]hh:mm:ss[.fffffff]. */
export function span(text) {
  if (!text) return null;
  const match = /^(?:(\d+)\.)?(\d+):(\d+):(\d+(?:\.\d+)?)$/.exec(text);
  return match ? ((Number(match[1] ?? 0) * 24 + Number(match[2])) * 60 + Number(match[3])) * 60000 + Number(match[4]) * 1000 : null;
}

/** Makes a list show entries, each with a key: what is there stays, with its focus and what is open in it. */
export function list(parent, entries, keyOf, create, update = () => {}) {
  const before = new Map([...parent.children].map(child => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const entry of entries) {
    const key = keyOf(entry);
    let child = before.get(key);
    if (!child) {
      child = create(entry);
      child.dataset.key = key;
    }
    before.delete(key);
    update(child, entry);
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
  for (const gone of before.values()) gone.remove();
}
