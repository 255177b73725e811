// What was undone: to read, to download, to write once more.

import { ask, send } from './api.js';
import { at, count, date, make, many, sentence } from './dom.js';
import { showOrSay } from './history.js';

const states = { undone: 'undone', refused: 'refused, still in its log', pending: 'interrupted, nothing undone' };

/** Shows the exports, newest first. */
export function showUndone(entries) {
  showOrSay(at('undone'), entries, 'Nothing was ever undone on the members seen.', entry => `${entry.member}/${entry.export.name}/${entry.export.state}`, create);
}

function create({ member, export: one }) {
  const path = `api/rollbacks/${encodeURIComponent(member)}/${encodeURIComponent(one.name)}`;
  const operations = make('div', {});
  const outcome = make('div', { role: 'status' });
  const details = make('details', {},
    make('summary', {}, `${date(one.exportedAt)} `, make('strong', {}, member), ` ${many(one.commits, 'transaction')} `, make('span', { class: 'tag' }, states[one.state])),
    make('div', { class: 'body' },
      make('p', {}, `${one.records === 1 ? `Record ${count(one.last)}` : `Records ${count(one.matchpoint + 1)} to ${count(one.last)}`}; acknowledged: ${many(one.acknowledged, 'commit')}. ${sentence(one.reason)}`),
      operations,
      make('div', { class: 'buttons' },
        make('button', { type: 'button', class: 'download', onclick: event => busy(event.currentTarget, outcome, () => download(path, one.name)) }, 'Download'),
        one.state === 'undone' ? make('button', { type: 'button', class: 'reapply', onclick: event => apply(event.currentTarget, path, member, one, outcome) }, 'Write once more …') : null),
      outcome));
  details.addEventListener('toggle', () => {
    if (details.open && operations.childElementCount === 0) show(path, operations);
  });
  return make('li', {}, details);
}

async function show(path, into) {
  try {
    const content = await ask(path);
    const value = (line, name) => line[name] ?? (line[`${name}Base64`] === undefined ? '' : `base64 ${line[`${name}Base64`]}`);
    const rows = content.operations.map(line => make('tr', {},
      make('td', {}, count(line.vlsn)), make('td', {}, line.operation),
      make('td', { class: 'data' }, line.operation === 'delete-range' ? `${value(line, 'from')} … ${value(line, 'to')}` : value(line, 'key')),
      make('td', { class: 'data' }, value(line, 'value')),
      make('td', {}, !line.committed ? 'never committed' : line.acknowledged ? 'acknowledged' : 'not acknowledged')));
    into.replaceChildren(make('div', { class: 'table', tabindex: 0, role: 'region', 'aria-label': 'Undone operations' }, make('table', {},
      make('thead', {}, make('tr', {}, ...['Record', 'Did', 'Key', 'Value', 'Commit'].map(name => make('th', { scope: 'col' }, name)))),
      make('tbody', {}, ...rows))));
    if (content.hasMore) into.append(make('p', { class: 'quiet' }, 'There are more: the download has all.'));
  } catch (error) {
    into.replaceChildren(make('p', {}, `It could not be read: ${error.message}`));
  }
}

async function download(path, name) {
  // Not a plain link: it could not bring the token.
  const blob = await (await send(`${path}/download`, { timeout: 120000 })).blob();
  const link = make('a', { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

function apply(button, path, member, one, outcome) {
  const dialog = at('apply-dialog');
  at('apply-what').textContent = `${member}: ${one.name}, ${many(one.commits, 'transaction')}`;
  dialog.returnValue = '';
  dialog.addEventListener('close', () => {
    if (dialog.returnValue !== 'apply') return;
    busy(button, outcome, async () => {
      const outcomes = await ask(`${path}/reapply`, { method: 'POST', timeout: 120000 });
      const named = { applied: 'written', conflict: 'in conflict, nothing written', unfinished: 'never committed, left alone' };
      outcome.replaceChildren(make('ul', {}, ...outcomes.map(line => make('li', {},
        `Transaction ${count(line.transaction)}: ${named[line.outcome]}${line.token ? ` as ${line.token}` : ''}${line.conflicts.length > 0 ? ` (${line.conflicts.join('; ')})` : ''}`))));
    });
  }, { once: true });
  dialog.showModal();
}

async function busy(button, outcome, work) {
  button.disabled = true;
  try {
    await work();
  } catch (error) {
    outcome.replaceChildren(make('p', {}, `It was not done: ${error.message}`));
  } finally {
    button.disabled = false;
  }
}
