// Players for sounds. One sound is heard at a time.
import { icon } from './face.js';

export class Players {
  #name;
  #on;
  #now = null;
  #queue = [];
  aloud = false;

  // on.refused() is called when the browser plays nothing before somebody has touched the page, on.playing(bool) when a sound begins and ends.
  constructor(name, on) {
    this.#name = name;
    this.#on = on;
  }

  // add puts a player into an item of the conversation; a live one is heard at once, after those before it, if the person wants that.
  add(element, { src, type }, live) {
    const player = build(element.classList.contains('mine') ? 'your voice message' : `${this.#name}’s voice`);
    const audio = player.audio = new Audio();
    audio.preload = 'none';
    audio.src = src;
    if (type && audio.canPlayType(type) === '') return element.querySelector('.body').append(download(src));
    player.button.addEventListener('click', () => (audio.paused ? this.#play(player) : audio.pause()));
    player.seek.addEventListener('input', () => (audio.currentTime = Number(player.seek.value)));
    for (const name of ['timeupdate', 'durationchange', 'play', 'pause', 'ended']) audio.addEventListener(name, () => draw(player));
    audio.addEventListener('pause', () => this.#paused(player));
    audio.addEventListener('ended', () => this.#ended(player));
    audio.addEventListener('error', () => this.#broken(player));
    element.querySelector('.body').append(player.element);
    if (live && this.aloud) {
      this.#queue.push(player);
      if (!this.#now) this.#next();
    }
  }

  // stop ends what is heard and what would be heard next.
  stop() {
    this.#queue = [];
    this.#now?.audio.pause();
  }

  async #play(player) {
    if (this.#now !== player) this.#now?.audio.pause();
    this.#now = player;
    try {
      await player.audio.play();
      this.#on.playing(true);
    } catch (e) {
      if (this.#now === player) this.#now = null;
      if (e.name === 'NotAllowedError') {
        this.#queue = [];
        this.#on.refused(() => this.#play(player));
      } else if (e.name !== 'AbortError') {
        this.#broken(player);
      }
    }
  }

  #next() {
    const player = this.#queue.shift();
    if (player) this.#play(player);
  }

  #paused(player) {
    if (this.#now !== player || player.audio.ended) return;
    this.#now = null;
    this.#on.playing(false);
  }

  #ended(player) {
    if (this.#now === player) this.#now = null;
    this.#on.playing(false);
    this.#next();
  }

  #broken(player) {
    if (this.#now === player) this.#now = null;
    const p = document.createElement('p');
    p.className = 'lost';
    p.textContent = 'This sound is no longer there.';
    const focused = player.element.contains(document.activeElement);
    player.element.replaceWith(p);
    if (focused) document.getElementById('talk').focus({ preventScroll: true });
    this.#on.playing(false);
    this.#next();
  }
}

function build(what) {
  const element = document.createElement('div');
  element.className = 'player';
  element.setAttribute('role', 'group');
  element.setAttribute('aria-label', what);
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'play';
  button.append(icon('play'));
  button.setAttribute('aria-label', `Play ${what}`);
  const seek = document.createElement('input');
  seek.type = 'range';
  seek.min = 0;
  seek.max = 1;
  seek.step = 'any';
  seek.value = 0;
  seek.disabled = true;
  seek.setAttribute('aria-label', 'Position');
  const time = document.createElement('span');
  time.className = 'time';
  element.append(button, seek, time);
  return { element, button, seek, time, what };
}

function draw({ audio, button, seek, time, what }) {
  const playing = !audio.paused && !audio.ended;
  button.replaceChildren(icon(playing ? 'pause' : 'play'));
  button.setAttribute('aria-label', `${playing ? 'Pause' : 'Play'} ${what}`);
  const whole = Number.isFinite(audio.duration) ? audio.duration : 0;
  seek.disabled = !whole;
  seek.max = whole || 1;
  seek.value = audio.currentTime;
  seek.style.setProperty('--done', `${whole ? (100 * audio.currentTime) / whole : 0}%`);
  seek.setAttribute('aria-valuetext', whole ? `${clock(audio.currentTime)} of ${clock(whole)}` : clock(audio.currentTime));
  time.textContent = clock(playing || !whole ? audio.currentTime : whole);
}

// clock writes seconds as people read them from a player.
export function clock(seconds) {
  const s = Math.floor(seconds);
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`;
}

function download(src) {
  const p = document.createElement('p');
  p.className = 'outward';
  const a = document.createElement('a');
  a.href = src;
  a.download = '';
  a.textContent = 'Save the sound';
  p.append(a, ' (this browser cannot play it)');
  return p;
}
