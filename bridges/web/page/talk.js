// Talk shows the conversation: items in the order of their ids, below them what the person sent and the server has not yet, and below that
// the reply that is being written.
import { face, icon, sign, word } from './face.js';
import { grow, link, own, safe } from './html.js';
import { decorate, overflow } from './code.js';
import { Scroll } from './scroll.js';

const most = 400; // items that are kept on the page: who stays for weeks shall not fill the memory
const stale = 5000; // a draft from before a broken connection goes when nothing followed it for so long

export class Talk {
  #page;
  #on;
  #log = document.getElementById('log');
  #draft = document.getElementById('draft');
  #greeting = document.getElementById('greeting');
  #items = new Map(); // id → element, for all that was ever shown; null for what is off the page again
  #pending = new Map(); // client id → element
  #live = false;
  #dots = 0;
  #stale = 0;

  // page is what the server said about the avatar. on.retry(id), on.discard(id) are the person's answers to a failure; on.audio(element,
  // audio, live) puts a player into an element; on.emotion(word) and on.mood(word) follow the avatar.
  constructor(page, on) {
    this.#page = page;
    this.#on = on;
    this.scroll = new Scroll(document.getElementById('talk'), document.getElementById('newest'));
    addEventListener('resize', () => overflow(this.#log));
  }

  get live() {
    return this.#live;
  }

  // backlog begins or ends what was said before: it is not read aloud, one by one.
  backlog(begins) {
    this.#live = !begins;
    if (begins) {
      if (this.#draft.hasChildNodes()) this.#draft.classList.add('stale');
      return;
    }
    this.#greeting.hidden = this.#log.hasChildNodes() || !this.#greeting.textContent.trim();
    this.#log.setAttribute('aria-busy', 'false');
    // What was added in this frame must not be announced yet.
    setTimeout(() => this.#log.setAttribute('aria-live', 'polite'), 300);
    clearTimeout(this.#stale);
    this.#stale = setTimeout(() => this.#draft.classList.contains('stale') && this.still(), stale);
  }

  // clear takes away what was said: the server knows another history. What is on its way stays.
  clear() {
    this.still();
    this.#items.clear();
    for (const element of this.#log.querySelectorAll(':scope > [data-id], :scope > .day')) element.remove();
  }

  // item shows an item, and says whether it is new.
  item(item) {
    if (!Number.isSafeInteger(item.id) || this.#items.has(item.id)) return false;
    const mine = item.kind === 'mine';
    if (item.kind === 'reply' && item.html) this.still();
    const before = this.#before(item.id);
    // Sound, and a link to it, come after the text that they belong to.
    if ((item.audio || item.link) && !item.html && !item.emotion && before?.classList.contains('reply')) {
      this.#extras(before, item);
      this.#items.set(item.id, before);
      this.scroll.follow();
      return true;
    }
    const element = mine ? this.#mine(item) : this.#posted(item);
    element.id = `item-${item.id}`;
    element.dataset.id = item.id;
    this.#items.set(item.id, element);
    this.#place(element, item, before);
    this.#greeting.hidden = true;
    overflow(element);
    this.#trim();
    this.scroll.added(mine ? 0 : Number(this.#live));
    return true;
  }

  // pending shows a message of the person as far as it got.
  pending(entry) {
    if (entry.kind === 'reset') return;
    let element = this.#pending.get(entry.id);
    if (!element) {
      element = this.#shell('mine', entry.at);
      this.#said(element, entry);
      this.#pending.set(entry.id, element);
      this.#log.append(element);
      this.#greeting.hidden = true;
      this.scroll.down();
    }
    element.dataset.state = entry.state;
    this.#state(element, entry);
    this.scroll.follow();
  }

  // gone takes away a message that was given up.
  gone(id) {
    this.#pending.get(id)?.remove();
    this.#pending.delete(id);
  }

  // typing shows the dots for ms at most.
  typing(ms) {
    if (this.#draft.querySelector('.reply:not(.dots)')) return;
    clearTimeout(this.#dots);
    this.#dots = setTimeout(() => this.still(), ms);
    if (!this.#draft.hasChildNodes()) {
      const element = this.#shell('reply dots');
      for (let i = 0; i < 3; i++) element.querySelector('.body').append(document.createElement('i'));
      this.#draft.replaceChildren(element);
      this.scroll.follow();
    }
    this.#on.mood('thinking');
  }

  // draft shows the reply as far as it is written.
  draft(html) {
    clearTimeout(this.#dots);
    if (!html) return this.still();
    let element = this.#draft.querySelector('.reply:not(.dots)');
    if (!element) {
      element = this.#shell('reply');
      this.#draft.replaceChildren(element);
    }
    this.#draft.classList.remove('stale');
    grow(element.querySelector('.body'), decorate(safe(html)));
    this.scroll.follow();
    this.#on.mood('writing');
  }

  // still takes the dots and the draft away.
  still() {
    clearTimeout(this.#dots);
    this.#draft.replaceChildren();
    this.#draft.classList.remove('stale');
    this.#on.mood('');
  }

  #shell(kind, at) {
    const element = document.createElement('article');
    element.className = `item ${kind}`;
    const body = document.createElement('div');
    body.className = 'body';
    if (kind !== 'notice') {
      const who = document.createElement('p');
      who.className = 'sr';
      who.textContent = kind === 'mine' ? 'You said' : `${this.#page.name} ${at ? 'said' : 'is writing'}`;
      element.append(who);
    }
    if (kind.startsWith('reply')) element.append(face(this.#page));
    element.append(body);
    if (kind === 'mine') element.setAttribute('aria-live', 'off');
    if (at && kind !== 'notice') element.append(meta(at));
    return element;
  }

  // mine is what the person said; where it was shown while it was on its way, the same element goes on.
  #mine(item) {
    const element = this.#pending.get(item.key) ?? this.#shell('mine', item.at);
    if (!this.#pending.delete(item.key)) this.#said(element, { ...item, kind: item.voice ? 'voice' : 'text' });
    delete element.dataset.state;
    element.dataset.key = item.key;
    element.querySelector('.meta').replaceWith(meta(item.at));
    return element;
  }

  #said(element, { kind, text, blob, seconds }) {
    const body = element.querySelector('.body');
    if (kind === 'voice') {
      const p = document.createElement('p');
      p.className = 'voice';
      p.append(icon('mic'), seconds ? `Voice message, ${seconds} s` : 'Voice message');
      body.append(p);
      if (blob) this.#on.audio(element, { src: URL.createObjectURL(blob), type: blob.type }, false);
    }
    if (text) {
      const p = document.createElement('p');
      p.dir = 'auto';
      p.textContent = text;
      body.append(p);
    }
  }

  #state(element, { id, state, reason }) {
    const line = element.querySelector('.meta');
    line.querySelector('.state')?.remove();
    const words = { waiting: reason || 'Waiting to be sent', sending: 'Sending', failed: reason }[state];
    if (!words) return;
    const span = document.createElement('span');
    span.className = 'state';
    span.append(words);
    if (state === 'failed') span.append(button('Try again', () => this.#on.retry(id)));
    // What the server has refused for now may wait for a day. What was not answered it may have taken: that cannot be taken back.
    if (state === 'failed' || reason) span.append(button('Remove', () => this.#on.discard(id)));
    line.append(span);
  }

  #posted(item) {
    const element = this.#shell(item.kind === 'notice' ? 'notice' : 'reply', item.at);
    element.querySelector('.body').append(decorate(safe(item.html)));
    this.#extras(element, item);
    return element;
  }

  // extras of a reply: its sound, a link, a clip, a feeling.
  #extras(element, { audio, link: to, emotion, animation }) {
    const src = own(audio?.src ?? '');
    if (audio?.src && src) this.#on.audio(element, { src, type: audio.type }, this.#live);
    for (const [url, text] of [[link(to), 'Open the sound'], [link(animation), 'Watch the clip']]) {
      if (url) element.querySelector('.body').append(outward(url, text));
    }
    if (!word(emotion) || element.querySelector('.emotion')) return;
    const span = document.createElement('span');
    span.className = 'emotion';
    span.append(...[sign(emotion), word(emotion)].filter(Boolean));
    element.querySelector('.meta')?.append(span);
    this.#on.emotion(word(emotion));
  }

  // before is the item that id comes after, null for the first. Nearly always that is the last one.
  #before(id) {
    let element = [...this.#log.querySelectorAll(':scope > [data-id]')].at(-1) ?? null;
    while (element && Number(element.dataset.id) > id) element = previous(element);
    return element;
  }

  #place(element, item, before) {
    const day = new Date(item.at).toDateString();
    element.dataset.day = day;
    const place = before ? before.nextSibling : this.#log.firstChild;
    this.#log.insertBefore(element, place === element ? element.nextSibling : place);
    if (before?.dataset.day !== day) this.#log.insertBefore(separator(item.at), element);
    const next = element.nextElementSibling;
    if (next?.classList.contains('day') && next.nextElementSibling?.dataset.day === day) next.remove();
  }

  #trim() {
    if (!this.scroll.pinned) return;
    let items = this.#log.querySelectorAll(':scope > [data-id]');
    for (let i = 0; i < items.length - most; i++) {
      const old = items[i];
      if (old.previousElementSibling?.classList.contains('day') && old.nextElementSibling?.classList.contains('day')) old.previousElementSibling.remove();
      old.remove();
      for (const [id, element] of this.#items) if (element === old) this.#items.set(id, null);
    }
  }
}

function previous(element) {
  do element = element.previousElementSibling; while (element && !element.dataset.id);
  return element;
}

function meta(at) {
  const p = document.createElement('p');
  p.className = 'meta';
  const time = document.createElement('time');
  time.dateTime = new Date(at).toISOString();
  time.textContent = new Date(at).toLocaleTimeString([], { hour: 'numeric', minute: '2-digit' });
  p.append(time);
  return p;
}

function separator(at) {
  const p = document.createElement('p');
  p.className = 'day';
  const date = new Date(at);
  const days = Math.round((new Date().setHours(12, 0, 0, 0) - new Date(at).setHours(12, 0, 0, 0)) / 86_400_000);
  const year = date.getFullYear() === new Date().getFullYear() ? undefined : 'numeric';
  p.textContent = days === 0 ? 'Today' : days === 1 ? 'Yesterday' : date.toLocaleDateString([], { weekday: 'long', day: 'numeric', month: 'long', year });
  return p;
}

function outward(url, text) {
  const p = document.createElement('p');
  p.className = 'outward';
  const a = document.createElement('a');
  a.href = url;
  a.target = '_blank';
  a.rel = 'noopener noreferrer nofollow';
  a.textContent = `${text} (${new URL(url).host})`;
  p.append(a);
  return p;
}

function button(text, press) {
  const element = document.createElement('button');
  element.type = 'button';
  element.className = 'inline';
  element.textContent = text;
  element.addEventListener('click', press);
  return element;
}
