// The members are changed, and the primary handed over: first it is shown what would be, then it is done.

import { ask } from './api.js';
import { at, bytes, date, make } from './dom.js';

const patience = 120000;

/** Makes the buttons do what they say. */
export function startManaging() {
  at('add-member').addEventListener('click', () => open(null));
  at('transfer-any').addEventListener('click', () => decide('api/transfer', 'POST', {}));
  at('member-close').addEventListener('click', () => at('member-dialog').close(''));
}

/** Shows a member, to be changed. */
export async function manage(name, scrub) {
  try {
    const { members } = await ask('api/members');
    const member = members.find(one => one.name === name);
    if (member) open(member, scrub);
    else say(`${name} is no member any more.`);
  } catch (error) {
    say(`The members could not be asked for: ${error.message}`);
  }
}

/** A new member where there is none yet. */
function open(member, scrub) {
  const dialog = at('member-dialog');
  at('member-title').textContent = member ? `Member ${member.name}` : 'A new member';
  at('member-note').textContent = member ? scrubText(scrub) : 'Start its node with an empty directory, naming the members and itself. Nothing is done before you have seen what it means.';
  at('member-name').value = member?.name ?? '';
  at('member-name').disabled = member !== null;
  at('member-address').value = member?.address ?? '';
  at('member-kind').value = member?.kind ?? 'Voter';
  at('member-priority').value = member?.priority ?? 1;
  at('member-designated').checked = member?.isDesignated ?? false;
  at('member-submit').textContent = member ? 'Change …' : 'Take it in …';
  for (const id of ['member-transfer', 'member-remove']) at(id).hidden = member === null;
  dialog.returnValue = '';
  dialog.addEventListener('close', () => {
    const name = at('member-name').value.trim();
    const path = `api/members/${encodeURIComponent(name)}`;
    if (dialog.returnValue === 'transfer') decide('api/transfer', 'POST', { to: name });
    if (dialog.returnValue === 'remove') decide(path, 'DELETE', null);
    if (dialog.returnValue === 'submit') decide(member ? path : 'api/members', member ? 'PUT' : 'POST', bodyOf(name));
  }, { once: true });
  dialog.showModal();
}

const bodyOf = name => ({
  name,
  address: at('member-address').value.trim(),
  kind: at('member-kind').value,
  priority: Number(at('member-priority').value),
  isDesignated: at('member-designated').checked,
});

function scrubText(scrub) {
  if (!scrub) return 'It has not read its disk again since it was started.';
  const found = scrub.found ? `found: ${scrub.found}` : 'found nothing damaged';
  return scrub.endedAt ? `It read its disk again until ${date(scrub.endedAt)}, ${bytes(scrub.bytes)}, and ${found}.` : `It reads its disk again since ${date(scrub.beganAt)}: ${bytes(scrub.bytes)} so far.`;
}

/** Shows what a change would do, and does it when that is wanted. */
async function decide(path, method, body) {
  const options = { method, timeout: patience, ...(body === null ? {} : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }) };
  let plan;
  try {
    plan = await ask(`${path}?plan=true`, options);
  } catch (error) {
    say(`It cannot be done: ${error.message}`);
    return;
  }
  const dialog = at('plan-dialog');
  at('plan-title').textContent = plan.question;
  at('plan-what').replaceChildren(...plan.consequences.map(one => make('li', {}, one)));
  at('plan-danger').textContent = plan.danger ?? (plan.refusal ? `It would be refused: ${plan.refusal}` : '');
  at('plan-danger').hidden = !(plan.danger ?? plan.refusal);
  at('plan-do').hidden = Boolean(plan.refusal);
  dialog.returnValue = '';
  dialog.addEventListener('close', async () => {
    if (dialog.returnValue !== 'do') return;
    say('It is being done …');
    try {
      say((await ask(path, options)).done);
    } catch (error) {
      say(`It was not done: ${error.message}`);
    }
  }, { once: true });
  dialog.showModal();
}

const say = words => { at('change-outcome').textContent = words; };
