// Outbox holds what the person sent until it is in the conversation. Texts are kept in storage, so that they outlive a reload and a server
// that is away. Each has an id that it keeps at every attempt: the server takes a repeated one for the same message, so nothing is said
// twice, not even when two tabs send what is in storage. One goes out after the other, in order.
import { retryAfter } from './stream.js';

const slowest = 30_000;
const oldest = 24 * 3_600_000; // what was written longer ago is not sent before the person says so: the talk has gone on
const stalled = 12_000; // what was stored so long ago and is not in the conversation makes one doubt the connection

export class Outbox {
  #base;
  #storage;
  #on;
  #entries = [];
  #busy = false;
  #tries = 0;
  #timer = 0;

  // on.changed(entry) follows every change of an entry, on.gone(entry) its end without an item, on.stalled() when a stored message does not
  // come back as an item, on.cookie() when the server does not know the visitor.
  constructor(base, storage, on) {
    this.#base = base;
    this.#storage = storage;
    this.#on = on;
  }

  // start takes up what an earlier visit left.
  start() {
    for (const name of this.#storage.names('outbox:')) {
      const entry = read(this.#storage.get(name));
      if (!entry) {
        this.#storage.set(name, '');
        continue;
      }
      const old = Date.now() - entry.at > oldest;
      this.#entries.push({ ...entry, state: old ? 'failed' : 'waiting', reason: old ? 'This was not sent. Do you still want to say it?' : '' });
    }
    this.#entries.sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
    this.#entries.forEach((entry) => this.#on.changed(entry));
    this.#storage.watch((name, value) => value === '' && this.#elsewhere(name));
    addEventListener('online', () => this.kick());
    addEventListener('beforeunload', (e) => this.#entries.some((x) => x.kind === 'voice' && x.state !== 'sent') && e.preventDefault());
    this.#pump();
  }

  // add sends {kind: "text", text, name}, {kind: "voice", blob, seconds, name} or {kind: "reset"} and returns the id.
  add(message) {
    const last = this.#entries.at(-1)?.at ?? 0;
    const entry = { ...message, id: newId(), at: Math.max(Date.now(), last + 1), state: 'waiting', reason: '' };
    this.#entries.push(entry);
    this.#keep(entry);
    this.#on.changed(entry);
    this.#pump();
    return entry.id;
  }

  // confirm says that the conversation has the message now.
  confirm(id) {
    const entry = this.#entries.find((x) => x.id === id);
    this.#storage.set(`outbox:${id}`, '');
    if (entry) this.#remove(entry);
  }

  // retry sends once more what had failed; discard gives it up.
  retry(id) {
    const entry = this.#entries.find((x) => x.id === id);
    if (entry?.state !== 'failed') return;
    entry.at = Date.now();
    this.#keep(entry);
    this.#set(entry, 'waiting');
    this.kick();
  }

  discard(id) {
    const entry = this.#entries.find((x) => x.id === id);
    if (!entry) return;
    this.#storage.set(`outbox:${id}`, '');
    this.#remove(entry);
    this.#on.gone(entry);
  }

  // kick tries at once, because the server or the network is back.
  kick() {
    clearTimeout(this.#timer);
    this.#tries = 0;
    this.#pump();
  }

  // settled forgets what the server has stored and what is surely shown, after the whole backlog came.
  settled() {
    for (const entry of this.#entries.filter((x) => x.state === 'sent')) this.#storage.set(`outbox:${entry.id}`, '');
  }

  #remove(entry) {
    clearTimeout(entry.doubt);
    this.#entries = this.#entries.filter((x) => x !== entry);
  }

  // elsewhere: another tab saw the message in the conversation, or the person gave it up there.
  #elsewhere(name) {
    const entry = this.#entries.find((x) => `outbox:${x.id}` === name);
    if (!entry || entry.state === 'sending' || entry.state === 'sent') return;
    this.#remove(entry);
    this.#on.gone(entry);
  }

  #keep({ kind, id, at, text, name }) {
    if (kind === 'text') this.#storage.set(`outbox:${id}`, JSON.stringify({ kind, id, at, text, name }));
  }

  #set(entry, state, reason = '') {
    entry.state = state;
    entry.reason = reason;
    if (this.#entries.includes(entry)) this.#on.changed(entry);
  }

  async #pump() {
    if (this.#busy) return;
    this.#busy = true;
    clearTimeout(this.#timer);
    for (;;) {
      const entry = this.#entries.find((x) => x.state === 'waiting');
      if (!entry) break;
      this.#set(entry, 'sending');
      const { ok, reason, wait } = await this.#attempt(entry);
      if (wait !== undefined) {
        this.#set(entry, 'waiting', reason);
        const pause = Math.max(wait, Math.min(slowest, 800 * 2 ** this.#tries++) * (0.5 + Math.random()));
        this.#timer = setTimeout(() => this.#pump(), pause);
        break;
      }
      this.#tries = 0;
      this.#set(entry, ok ? 'sent' : 'failed', reason);
      if (ok) this.#stored(entry);
    }
    this.#busy = false;
  }

  #stored(entry) {
    if (entry.kind === 'reset') this.#remove(entry);
    else if (this.#entries.includes(entry)) entry.doubt = setTimeout(() => this.#on.stalled(), stalled);
  }

  // attempt returns {ok}, {reason} when the server does not want it, or {wait, reason} when it may be sent again after so many ms.
  async #attempt(entry) {
    let response;
    try {
      response = await fetch(...request(this.#base, entry));
    } catch {
      return { wait: 0, reason: '' };
    }
    if (response.ok) return { ok: true };
    const { error, code } = await response.json().catch(() => ({}));
    if (code === 'cookie' && this.#on.cookie()) return { wait: 5000, reason: '' };
    if (response.status === 429 || response.status >= 500) {
      return { wait: retryAfter(response), reason: response.status === 429 ? String(error ?? '') : '' };
    }
    return { reason: String(error || `The server did not take it (${response.status}).`) };
  }
}

function request(base, { kind, id, text, name, blob }) {
  const signal = AbortSignal.timeout?.(kind === 'voice' ? 90_000 : 20_000);
  if (kind === 'voice') {
    const query = new URLSearchParams({ id, ...(name && { name }) });
    return [`${base}/voice?${query}`, { method: 'POST', signal, headers: { 'Content-Type': blob.type }, body: blob }];
  }
  const body = kind === 'reset' ? { id } : { id, text, ...(name && { name }), locale: navigator.language };
  const path = kind === 'reset' ? 'reset' : 'messages';
  return [`${base}/${path}`, { method: 'POST', signal, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }];
}

function read(text) {
  try {
    const { kind, id, at, text: said, name } = JSON.parse(text);
    return kind === 'text' && /^[\w-]{1,64}$/.test(id) && typeof said === 'string' && Number.isFinite(at) ? { kind, id, at, text: said, name } : null;
  } catch {
    return null;
  }
}

// crypto.randomUUID is missing on pages that were not loaded over https.
function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
