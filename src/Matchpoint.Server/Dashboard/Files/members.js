// The members: their logs as bars over one scale, what each does, how far it is.

import { at, bytes, clock, count, list, make, milliseconds, short, span, stepText, write } from './dom.js';
import { manage } from './manage.js';

const leastSpan = 40;
const tones = { Primary: 'primary', Following: 'follows', Failed: 'bad', AwaitingOperator: 'bad', Closed: 'bad', Removed: 'bad' };
const words = { AwaitingMembers: 'Awaits members', SyncingUp: 'Syncing up', AwaitingOperator: 'Awaits operator', Repairing: 'Mends its disk', NeedsCopy: 'Fetches a copy' };

const scrubs = new Map();

/** Shows the members. */
export function showMembers(view, rate) {
  for (const member of view.members) scrubs.set(member.name, member.overview?.status.scrub);
  const scale = scaleOf(view.members, rate);
  write(at('axis-left'), scale ? count(scale.from) : '');
  write(at('axis-mid'), scale ? count(Math.round((scale.from + scale.to) / 2)) : '');
  write(at('axis-right'), scale ? count(scale.to) : '');
  list(at('members'), view.members, member => member.name, create, (row, member) => update(row, member, scale, view));
}

/** What is interesting of the logs: from a little below the lowest end to the highest. Their beginnings are alike.
 * At least two seconds' worth: what a busy group writes between two answers is no lag to look at. */
function scaleOf(members, rate) {
  const known = members.filter(member => member.overview).map(member => member.overview.status);
  if (known.length === 0) return null;
  const to = Math.max(...known.map(status => status.last), 1);
  const low = Math.min(...known.map(status => Math.min(status.durable, status.last)));
  const width = Math.max(leastSpan, Math.ceil((to - low) * 1.4), Math.ceil(rate * 2));
  return { from: Math.max(0, to - width), to };
}

function create(member) {
  const facts = name => make('div', {}, make('dt', {}, name), make('dd', { class: `fact-${name}` }, '–'));
  return make('li', { class: 'member' },
    make('div', { class: 'who' }, make('span', { class: 'name', title: member.address }, member.name), make('span', { class: 'role' }),
      make('button', { type: 'button', class: 'manage', 'aria-label': `Manage ${member.name}`, onclick: () => manage(member.name, scrubs.get(member.name)) }, 'Manage …')),
    make('div', { class: 'bar', role: 'img' },
      make('span', { class: 'durable' }), make('span', { class: 'tail' }), make('span', { class: 'lacks' }), make('span', { class: 'point', hidden: true })),
    make('dl', { class: 'facts' }, facts('durable'), facts('tail'), facts('lag')),
    make('p', { class: 'step' }),
    make('progress', { hidden: true, max: 1, 'aria-label': `Full copy of ${member.name}` }),
    make('ol', { class: 'steps' }));
}

function update(row, member, scale, view) {
  const part = name => row.querySelector(`.${name}`);
  const status = member.overview?.status;
  row.dataset.silent = !member.answers;
  const role = part('role');
  write(role, member.answers && status ? words[status.state] ?? status.state : 'No answer');
  role.dataset.tone = member.answers && status ? tones[status.state] ?? 'busy' : 'bad';
  if (!status || !scale) {
    write(part('step'), member.error ?? '');
    return;
  }
  const end = Math.max(...view.members.filter(one => one.overview).map(one => one.overview.status.last));
  const tail = Math.max(0, status.last - status.durable);
  const lacks = Math.max(0, end - status.last);
  place(part('bar'), scale, status, end, member.overview.matchpoint);
  part('bar').setAttribute('aria-label', `Log of ${member.name}: durable up to ${status.durable}, ${tail} in the tail, ${lacks} records lacking`);
  write(part('fact-durable'), short(status.durable));
  write(part('fact-tail'), short(tail));
  write(part('fact-lag'), member.answers ? status.state === 'Primary' ? '0' : milliseconds(span(status.lag)) : '–');
  write(part('step'), member.answers ? stepOf(status, member) : `last heard ${member.seenAt ? clock(member.seenAt) : 'never'}`);
  showCopy(row, member.answers ? status.copy : null);
  const steps = member.answers ? member.overview.steps : [];
  list(part('steps'), steps.map((step, index) => ({ ...step, key: `${step.at}-${index}` })), step => step.key, step => make('li', {}, `${step.feeder}: ${stepText(step)}`));
}

function stepOf(status, member) {
  const kind = member.kind === 'Voter' ? '' : ` · ${member.kind.toLowerCase()}`;
  const counts = status.counts ? '' : ' · does not count yet';
  const self = member.isSelf ? ' · this node' : '';
  return `${status.step}${kind}${counts}${self}`;
}

function place(bar, scale, status, end, matchpoint) {
  const share = value => Math.min(100, Math.max(0, (value - scale.from) / (scale.to - scale.from) * 100));
  const set = (name, from, to) => {
    const style = bar.querySelector(`.${name}`).style;
    style.left = `${share(from)}%`;
    style.width = `${Math.max(0, share(to) - share(from))}%`;
  };
  const durable = Math.min(status.durable, status.last);
  set('durable', scale.from, durable);
  set('tail', durable, status.last);
  set('lacks', status.last, end);
  bar.querySelector('.lacks').hidden = status.last >= end;
  const point = bar.querySelector('.point');
  // One that lies further back than the bar reaches is shown by number in the list of syncups.
  point.hidden = matchpoint === null || matchpoint === undefined || matchpoint < scale.from;
  if (!point.hidden) point.style.left = `${share(matchpoint)}%`;
}

function showCopy(row, copy) {
  const progress = row.querySelector('progress');
  progress.hidden = !copy;
  if (!copy) return;
  progress.max = Math.max(1, copy.totalBytes);
  progress.value = copy.bytes;
  progress.title = `${bytes(copy.bytes)} of ${bytes(copy.totalBytes)}`;
}
