// The page: asks again and again how the group is, and shows it. What was is asked for only when something has happened.

import { ask } from './api.js';
import { showCharts } from './charts.js';
import { at, list, make, short, write } from './dom.js';
import { showEvents, showSyncups } from './history.js';
import { startManaging } from './manage.js';
import { showMembers } from './members.js';
import { showUndone } from './undone.js';

const pause = 500;
const keepSamples = 300;
const marks = { Well: '✓', Attention: '!', Down: '✕' };

let samples = [];
let journals = '';
let webs = [];
let caller = null;

startManaging();

while (true) {
  try {
    const view = await ask(`api/group?samplesSince=${samples.at(-1)?.at ?? 0}`);
    samples = [...samples, ...view.samples].slice(-keepSamples);
    show(view);
    await showHistory(view);
    caller ??= await ask('api/caller');
    write(at('caller'), caller.name);
    connected('live', 'live');
  } catch (error) {
    lost(error);
  }
  await new Promise(resolve => setTimeout(resolve, pause));
  // A page that nobody sees asks nothing.
  if (document.hidden) await new Promise(resolve => document.addEventListener('visibilitychange', resolve, { once: true }));
}

function show(view) {
  const { verdict } = view;
  write(at('group'), view.group);
  write(at('self'), view.self);
  at('verdict').dataset.health = verdict.health;
  write(at('verdict-mark'), marks[verdict.health]);
  write(at('headline'), verdict.headline);
  write(at('sentence'), verdict.sentence);
  write(at('primary'), verdict.primary ?? 'none');
  write(at('term'), short(verdict.term));
  const primary = view.members.find(member => member.name === verdict.primary);
  write(at('durable'), short(primary?.overview.status.durable ?? Math.max(0, ...view.members.map(member => member.overview?.status.durable ?? 0))));
  const title = `${marks[verdict.health]} ${verdict.headline} – Matchpoint`;
  if (document.title !== title) document.title = title;
  list(at('findings'), verdict.findings.length > 0 ? verdict.findings : [null], finding => finding ? `${finding.member} ${finding.what}` : 'nothing', createFinding);
  webs = view.members.filter(member => !member.isSelf && member.overview?.web).map(member => ({ name: member.name, url: member.overview.web }));
  showMembers(view, samples.at(-1)?.commits ?? 0);
  showCharts(samples);
}

function createFinding(finding) {
  if (!finding) return make('li', { class: 'empty' }, 'Nothing.');
  return make('li', { 'data-health': finding.health },
    make('span', { class: 'sign', 'aria-hidden': 'true' }, marks[finding.health]), make('p', { class: 'what' }, finding.what), make('p', { class: 'do' }, finding.action));
}

async function showHistory(view) {
  const now = view.members.map(member => `${member.name}:${member.overview?.journalVersion ?? 0}:${member.overview?.status.term ?? 0}`).join(' ');
  if (now === journals) return;
  const [syncups, events, undone] = await Promise.all([ask('api/syncups'), ask('api/events'), ask('api/rollbacks')]);
  showSyncups(syncups);
  showEvents(events);
  showUndone(undone);
  journals = now;
}

function connected(state, words) {
  at('link').dataset.state = state;
  write(at('link-text'), words);
}

/** The node that serves this page does not answer: what is shown is old, and other members may have a page of their own. */
function lost(error) {
  connected('lost', 'no answer');
  at('verdict').dataset.health = 'Unknown';
  write(at('verdict-mark'), '?');
  if (error.code === 'certificate' || error.code === 'insecure') {
    connected('lost', 'not let in');
    write(at('headline'), 'This server does not let you in');
    write(at('sentence'), error.message);
    return;
  }
  write(at('headline'), 'This page’s node does not answer');
  const others = webs.map(web => make('a', { href: web.url }, web.name)).flatMap((link, index) => index === 0 ? [link] : [', ', link]);
  at('sentence').replaceChildren(`What stands below is what it said last (${error.message}).`, ...(others.length > 0 ? [' See the page of ', ...others, '.'] : []));
}
