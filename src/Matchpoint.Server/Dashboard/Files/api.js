// The way to the server. A token, where one is needed, lives in this tab only.

import { at } from './dom.js';

const tokenName = 'matchpoint-token';

/** What the server answers, as JSON. */
export async function ask(path, options = {}) {
  const response = await send(path, options);
  return response.json();
}

/** What the server answers. */
export async function send(path, options = {}) {
  while (true) {
    const token = sessionStorage.getItem(tokenName);
    const headers = token ? { ...options.headers, Authorization: `Bearer ${token}` } : options.headers;
    const response = await fetch(path, { ...options, headers, signal: options.signal ?? AbortSignal.timeout(options.timeout ?? 5000) });
    if (response.ok) return response;
    if (response.status === 401) {
      await askForToken(token !== null);
      continue;
    }
    const problem = await response.json().catch(() => null);
    const words = problem ? [problem.detail, problem.action].filter(Boolean).join(' ') : `${response.status} ${response.statusText}`;
    throw Object.assign(new Error(words), { code: problem?.code });
  }
}

let asking = null;

/** One question, however many requests wait for its answer. */
function askForToken(isWrong) {
  asking ??= new Promise(resolve => {
    const dialog = at('token-dialog');
    at('token-note').textContent = isWrong ? 'That is not its token. Look into the file that the server was started with.' : 'It stays in this tab, and is forgotten when the tab is closed.';
    const ask = () => {
      dialog.addEventListener('close', () => {
        const value = at('token').value.trim();
        if (!value) return ask();
        sessionStorage.setItem(tokenName, value);
        at('token').value = '';
        asking = null;
        resolve();
      }, { once: true });
      dialog.showModal();
    };
    ask();
  });
  return asking;
}
