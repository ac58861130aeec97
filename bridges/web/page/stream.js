// Stream is the connection on which the server says what is new. It connects again by itself, from where it was.
//
// The browser would repeat broken connections too, but at a fixed pace, which is hard on a server that has just started and has all its
// visitors back at once; and it gives up for good when the server answers anything but 200. So each break ends here in a new EventSource.
const slowest = 30_000;
const patience = 20_000; // until the server's first word
const asleep = 60_000; // after so long without a word, a page that is looked at again does not trust its connection
const rest = 600_000; // a page that nobody looked at for so long lets go of its connection

export class Stream {
  #base;
  #on;
  #source = null;
  #last = 0;
  #epoch = ''; // the server's word for what its ids mean; after a restored backup it is another one
  #tries = 0;
  #timer = 0;
  #watch = 0;
  #heard = 0;
  #others = null; // pages of the same chat in this browser

  // on has a function for each event (hello, item, ready, typing, draft), and state(word), with "open" after hello, "lost", or "cookie"
  // when the server does not know the visitor.
  constructor(base, on) {
    this.#base = base;
    this.#on = on;
  }

  start() {
    addEventListener('online', () => this.again());
    addEventListener('pageshow', (e) => e.persisted && this.again());
    document.addEventListener('visibilitychange', () => this.#looked());
    // A browser has six connections to a host without HTTP/2: pages that nobody looks at leave theirs to the one that somebody does.
    this.#others = typeof BroadcastChannel === 'function' ? new BroadcastChannel(`avatarbridge:${this.#base}`) : null;
    this.#others?.addEventListener('message', () => document.hidden && this.#drop());
    this.#connect();
  }

  // again connects anew, at once.
  again() {
    this.#tries = 0;
    this.#connect();
  }

  #connect() {
    this.#drop();
    const source = this.#source = new EventSource(`${this.#base}/events${this.#last ? `?after=${this.#last}&epoch=${this.#epoch}` : ''}`);
    for (const name of ['hello', 'item', 'ready', 'typing', 'draft']) {
      source.addEventListener(name, (e) => source === this.#source && this.#receive(name, e));
    }
    source.onerror = () => source === this.#source && this.#lost(source.readyState === EventSource.CLOSED);
    this.#watch = setTimeout(() => this.#lost(false), patience);
    if (!document.hidden) this.#others?.postMessage('looked at');
  }

  #drop() {
    clearTimeout(this.#timer);
    clearTimeout(this.#watch);
    this.#source?.close();
    this.#source = null;
  }

  #receive(name, e) {
    let data;
    try {
      data = JSON.parse(e.data);
    } catch {
      return; // what cannot be read cannot be shown, and would be no better a second time
    }
    this.#heard = Date.now();
    if (name === 'hello') {
      clearTimeout(this.#watch);
      this.#tries = 0;
      this.#epoch = encodeURIComponent(data.epoch ?? '');
      if (data.fresh) this.#last = 0;
      this.#on.state('open');
    }
    if (name === 'item') this.#last = Math.max(this.#last, Number(data.id) || 0);
    this.#on[name](data);
  }

  // lost plans the next attempt. An EventSource does not tell what the server answered: if it was an answer, it is asked for once more.
  async #lost(answered) {
    this.#drop();
    this.#on.state('lost');
    const tries = this.#tries++;
    let wait = Math.min(slowest, 700 * 2 ** tries) * (0.5 + Math.random());
    if (answered) {
      const { code, after } = await this.#why();
      if (this.#source) return; // connected meanwhile
      if (code === 'cookie') this.#on.state('cookie');
      wait = Math.max(wait, after);
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), wait);
  }

  async #why() {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), patience);
    try {
      const response = await fetch(`${this.#base}/events`, { signal: abort.signal, cache: 'no-store', headers: { Accept: 'text/event-stream' } });
      if (response.ok) return { after: 0 };
      const { code } = await response.json().catch(() => ({}));
      return { code, after: retryAfter(response) };
    } catch {
      return { after: 0 };
    } finally {
      clearTimeout(timer);
      abort.abort();
    }
  }

  #looked() {
    clearTimeout(this.rest);
    if (document.hidden) {
      this.rest = setTimeout(() => this.#drop(), rest);
    } else if (!this.#source || Date.now() - this.#heard > asleep) {
      this.again();
    }
  }
}

// retryAfter is how long a response wants to be left alone, in ms; 0 when it does not say.
export function retryAfter(response) {
  const value = response.headers.get('Retry-After');
  if (!value) return 0;
  const wait = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(wait) ? Math.min(Math.max(wait, 0), 600_000) : 0;
}
