// What was: syncups with their reports, and changes of state.

import { at, clock, count, date, list, make, many, milliseconds, stepText } from './dom.js';

/** Shows the syncups, newest first. */
export function showSyncups(entries) {
  showOrSay(at('syncups'), entries, 'None since the members were started.', entry => `${entry.member}-${entry.syncup.at}`, createSyncup);
}

/** Shows the changes of state, newest first. */
export function showEvents(entries) {
  showOrSay(at('events'), entries, 'None since the members were started.', entry => `${entry.member}-${entry.event.at}-${entry.event.to}`, ({ member, event }) =>
    make('li', {}, make('time', { datetime: event.at }, clock(event.at)), make('span', {}, make('strong', {}, member), ` ${event.from} → ${event.to}: ${event.reason}`)));
}

/** A list, or a sentence where there is nothing to list. */
export function showOrSay(parent, entries, nothing, keyOf, create) {
  if (entries.length > 0) return list(parent, entries, keyOf, create);
  list(parent, [nothing], () => 'nothing', () => make('li', { class: 'empty' }, nothing));
}

function createSyncup({ member, syncup }) {
  const undone = syncup.undoneCommits > 0 ? make('span', { class: 'tag' }, `${count(syncup.undoneCommits)} undone`) : null;
  const facts = [
    ['Ended', date(syncup.at)],
    ['Matchpoint', count(syncup.matchpoint)],
    ['Undone', `${many(syncup.undoneRecords, 'record')}, ${many(syncup.undoneCommits, 'commit')}`],
    ['Extra round trips', count(syncup.roundTrips)],
    ['Decision', syncup.decision],
    ...(syncup.export ? [['Export', syncup.export]] : []),
  ];
  return make('li', {}, make('details', {},
    make('summary', {}, `${clock(syncup.at)} `, make('strong', {}, member), ` with ${syncup.feeder}, ${milliseconds(syncup.milliseconds)}, matchpoint ${count(syncup.matchpoint)} `, undone),
    make('div', { class: 'body' },
      make('dl', {}, ...facts.flatMap(([name, value]) => [make('dt', {}, name), make('dd', {}, value)])),
      syncup.steps.length > 0 ? make('ol', { class: 'steps' }, ...syncup.steps.map(step => make('li', {}, stepText(step)))) : null)));
}
