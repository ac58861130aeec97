// The chat page: what the modules beside it do, tied together. The server tells the page about itself in data attributes of <body>.
import { bar, say } from './bars.js';
import { listen } from './code.js';
import { Composer } from './composer.js';
import { fill, sign } from './face.js';
import { frame } from './frame.js';
import { own } from './html.js';
import { Outbox } from './outbox.js';
import { Players } from './player.js';
import { Settings } from './settings.js';
import { Storage } from './storage.js';
import { Stream } from './stream.js';
import { Talk } from './talk.js';
import { Voice, available } from './voice.js';

const data = document.body.dataset;
const page = { base: data.base, name: data.avatar, picture: own(data.face) && data.face, max: Number(data.max) || 4000 };
const by = (id) => document.getElementById(id);
const storage = new Storage(page.base);

// ---- what the avatar does just now, under its name ----
const patience = 15 * 60_000; // so long an avatar is asked again before the person is told that there is no answer
const moods = { '': 'Listening', asked: 'Has your message', thinking: 'Thinking…', writing: 'Writing…', speaking: 'Speaking' };
const now = { open: false, mood: '', speaking: false, asked: false };
let unanswered = 0;

function mood(change) {
  Object.assign(now, change);
  const name = now.mood || (now.speaking ? 'speaking' : now.asked ? 'asked' : '');
  const text = now.open ? moods[name] : navigator.onLine ? 'Connecting…' : 'Offline';
  if (by('status').textContent !== text) by('status').textContent = text;
  if (change.mood === 'thinking' && document.body.dataset.mood !== 'thinking') say(`${page.name} is thinking.`);
  document.body.dataset.mood = now.open ? name : 'away';
}

// asked follows whether the last word is the person's: an avatar that is asked again, after it failed, neither thinks nor writes meanwhile.
function asked({ kind, at }) {
  clearTimeout(unanswered);
  const left = kind === 'mine' ? at + patience - Date.now() : 0;
  if (left > 0) unanswered = setTimeout(() => mood({ asked: false }), Math.min(left, patience));
  mood({ asked: left > 0 });
}

function feel(emotion) {
  const drawing = sign(emotion);
  by('face').querySelector('.feeling')?.remove();
  if (drawing) by('face').append(drawing);
}

// ---- the conversation ----
const players = new Players(page.name, {
  playing: (speaking) => mood({ speaking }),
  refused: (again) => bar('sound', 'The browser plays sound only after you have touched the page.', { Play: again }),
});

const talk = new Talk(page, {
  retry: (id) => outbox.retry(id),
  discard: (id) => {
    outbox.discard(id);
    composer.focus();
  },
  audio(element, audio, live) {
    if (element.classList.contains('reply')) by('aloud').hidden = false;
    players.add(element, audio, live);
  },
  emotion: feel,
  mood: (word) => mood({ mood: word }),
});

const outbox = new Outbox(page.base, storage, {
  changed(entry) {
    talk.pending(entry);
    if (entry.state === 'failed') say(`Your message was not sent. ${entry.reason}`);
    if (entry.kind === 'reset' && entry.state === 'failed') bar('reset', entry.reason, { 'Try again': () => outbox.retry(entry.id) });
  },
  gone: (entry) => talk.gone(entry.id),
  stalled: () => stream.again(),
  cookie,
});

let away = 0;
const stream = new Stream(page.base, {
  state(word) {
    if (word === 'cookie') return cookie();
    mood({ open: word === 'open' });
    if (word === 'open') {
      clearTimeout(away);
      away = 0;
      bar('connection', '');
    }
    // A short break is nobody's concern.
    else away ||= setTimeout(() => bar('connection', 'The connection is lost. What you write is kept, and sent when it is back.'), 3000);
  },
  hello({ assets, fresh }) {
    remember(false);
    if (fresh) {
      talk.clear();
      asked({});
    }
    talk.backlog(true);
    outbox.kick();
    if (assets && assets !== data.assets) bar('upgrade', 'There is a new version of this page.', { Reload: () => location.reload() });
  },
  item(item) {
    if (item.kind === 'mine' && item.key) outbox.confirm(item.key);
    if (!talk.item(item)) return;
    asked(item);
    if (talk.live && item.kind !== 'mine') news();
  },
  ready() {
    talk.backlog(false);
    outbox.settled();
  },
  typing: ({ for: ms }) => talk.typing(Math.min(Math.max(Number(ms) || 0, 1000), 60_000)),
  draft: ({ html }) => talk.draft(html),
});

// cookie: the server does not know who this is. A reload gets a cookie; if that was tried, the browser does not keep it.
function cookie() {
  if (history.state?.reloaded) {
    bar('cookie', 'This page needs a cookie to know you again. Please allow it, and reload the page.', { Reload: () => location.reload() });
    return false;
  }
  remember(true);
  location.reload();
  return true;
}

// That a reload was tried is kept in the history, since it is there even where storage is refused: a page must not reload for ever.
function remember(reloaded) {
  if (Boolean(history.state?.reloaded) !== reloaded) history.replaceState({ reloaded }, '');
}

// ---- who does not look at the page learns of news from its title ----
const title = document.title;
let unread = 0;

function news() {
  parent?.news();
  if (!document.hidden) return;
  unread++;
  document.title = `(${unread}) ${title}`;
}

document.addEventListener('visibilitychange', () => {
  if (document.hidden) return;
  unread = 0;
  document.title = title;
});

// ---- what the person does ----
const settings = new Settings(storage, {
  aloud(aloud) {
    players.aloud = aloud;
    if (!aloud) players.stop();
  },
  reset: () => outbox.add({ kind: 'reset' }),
});

function send(message) {
  outbox.add({ ...message, name: settings.name });
}

const composer = new Composer(page.base, page.max, {
  send: (text) => send({ kind: 'text', text }),
  page: (direction) => talk.scroll.page(direction),
});

if (data.voice && available()) {
  new Voice(Number(data.maxVoice) || 1 << 20, {
    begin() {
      bar('voice', '');
      players.stop();
    },
    send(blob, seconds) {
      bar('voice', '');
      send({ kind: 'voice', blob, seconds });
    },
    fault: (text) => bar('voice', text, { OK: () => composer.focus() }),
  });
}

// A phone would open its keyboard over the conversation.
const touch = matchMedia('(pointer: coarse)').matches;
const arrive = () => (touch ? by('talk').focus() : composer.focus());
const parent = data.embed ? frame(arrive) : null;

for (const name of ['online', 'offline']) addEventListener(name, () => mood({}));

// The keyboard of an iPhone covers the page instead of making it smaller.
visualViewport?.addEventListener('resize', () => {
  if (visualViewport.scale > 1.01) return;
  document.documentElement.style.setProperty('--height', `${visualViewport.height}px`);
  scrollTo(0, 0);
});

fill(by('face'), page.name, page.picture);
listen(by('talk'), say);
outbox.start();
stream.start();
if (!data.embed && !touch) arrive();
