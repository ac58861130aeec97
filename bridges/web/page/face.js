// The avatar's face: its picture or its initials, and a small drawn sign for what it feels.

const ns = 'http://www.w3.org/2000/svg';

// svg makes an element of a drawing.
export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS(ns, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

// icon shows one of the drawings that page.html holds.
export function icon(name) {
  return svg('svg', { 'aria-hidden': 'true', focusable: 'false' }, svg('use', { href: `#i-${name}` }));
}

// Strokes in a field of 24 by 24: eyes, then mouth.
const eyes = { open: 'M9 9.6v.8M15 9.6v.8', glad: 'M7.6 10.4q1.4-1.9 2.8 0M13.6 10.4q1.4-1.9 2.8 0', shut: 'M7.6 10q1.4 1.4 2.8 0M13.6 10q1.4 1.4 2.8 0', angry: 'M7.6 8.6l3 1.5M16.4 8.6l-3 1.5M9.4 11v.4M14.6 11v.4', wide: 'M9 8.8v2M15 8.8v2', wink: 'M9 9.6v.8M13.6 10.2h2.8', worry: 'M7.6 9.4l2.4-1.2M16.4 9.4l-2.4-1.2M9 11v.4M15 11v.4', brow: 'M9 10v.6M15 10v.6M13.4 7.6q1.5-1.3 3.2 0' };
const mouth = { smile: 'M8 14.2q4 3.6 8 0', grin: 'M8 13.6h8q-.6 3.8-4 3.8t-4-3.8Z', frown: 'M8.4 16.4q3.6-3.2 7.2 0', flat: 'M9 15.4h6', round: 'M12 13.8a1.7 1.7 0 1 0 .01 0Z', wave: 'M8 15.4q1.3-1.6 2.6 0t2.7 0t2.7 0', skew: 'M9 15.8q3.6 0 6-1.8', small: 'M10.4 15q1.6 1.2 3.2 0' };
const heart = 'M12 17.6C7.8 14.4 6.4 12.4 6.4 10.4A2.8 2.8 0 0 1 12 9.6a2.8 2.8 0 0 1 5.6.8c0 2-1.4 4-5.6 7.2Z';

const feelings = [
  [eyes.glad + mouth.smile, 'joy', 'joyful', 'happy', 'happiness', 'glad', 'cheerful', 'smile', 'pleased', 'content'],
  [eyes.open + mouth.grin, 'excited', 'excitement', 'amusement', 'amused', 'laugh', 'laughing', 'fun', 'enthusiasm', 'enthusiastic'],
  [eyes.worry + mouth.frown, 'sad', 'sadness', 'sorrow', 'grief', 'disappointed', 'disappointment', 'hurt', 'lonely', 'crying'],
  [eyes.angry + mouth.frown, 'anger', 'angry', 'mad', 'rage', 'annoyed', 'annoyance', 'frustrated', 'frustration'],
  [eyes.wide + mouth.round, 'surprise', 'surprised', 'shock', 'shocked', 'amazed', 'astonished', 'wonder', 'awe'],
  [eyes.worry + mouth.wave, 'fear', 'afraid', 'scared', 'fearful', 'nervous', 'nervousness', 'anxious', 'anxiety', 'worried'],
  [eyes.shut + mouth.wave, 'disgust', 'disgusted', 'disapproval', 'contempt'],
  [eyes.open + mouth.flat, 'neutral', 'serious', 'bored', 'indifferent'],
  [eyes.shut + mouth.small, 'calm', 'relaxed', 'peaceful', 'relief', 'sleepy', 'tired', 'gratitude', 'grateful'],
  [eyes.brow + mouth.skew, 'curious', 'curiosity', 'thinking', 'thoughtful', 'confused', 'confusion', 'realization', 'skeptical'],
  [eyes.wink + mouth.smile, 'playful', 'wink', 'teasing', 'flirty', 'mischievous', 'pride', 'proud', 'confident'],
  [eyes.open + mouth.wave, 'shy', 'embarrassed', 'embarrassment', 'awkward', 'remorse', 'guilt'],
  [heart, 'love', 'loving', 'affection', 'caring', 'desire', 'admiration', 'romantic'],
];
const drawings = new Map(feelings.flatMap(([path, ...words]) => words.map((word) => [word, path])));

// word is the service's own word as it is shown: one line, not longer than a sign may be.
export function word(emotion) {
  return String(emotion ?? '').replace(/[\s_]+/g, ' ').trim().slice(0, 32);
}

// sign draws an emotion, null for one that has no drawing.
export function sign(emotion) {
  const path = drawings.get(word(emotion).toLowerCase());
  if (!path) return null;
  return svg('svg', { viewBox: '0 0 24 24', class: 'feeling', 'aria-hidden': 'true', focusable: 'false' },
    ...(path === heart ? [] : [svg('circle', { cx: 12, cy: 12, r: 9.2 })]), svg('path', { d: path }));
}

// initials of a name: of its first and last word, or one letter, as always in scripts without capitals; · for a name without letters.
export function initials(name) {
  const first = (text) => [...(text.match(/[\p{L}\p{N}]/u) ?? [])].join('').toLocaleUpperCase();
  const words = name.trim().split(/\s+/).filter((w) => first(w));
  if (words.length === 0) return '·';
  const capitals = first(words[0]).toLowerCase() !== first(words[0]);
  return words.length === 1 || !capitals ? first(words[0]) : first(words[0]) + first(words.at(-1));
}

// face makes the small face beside a message.
export function face({ name, picture }) {
  const element = document.createElement('div');
  element.className = 'face';
  element.setAttribute('aria-hidden', 'true');
  fill(element, name, picture);
  return element;
}

// fill puts the picture into element, or the initials where there is none and where it cannot be loaded.
export function fill(element, name, picture) {
  const letters = () => {
    const text = document.createElement('span');
    text.textContent = initials(name);
    element.querySelector('img')?.remove();
    element.prepend(text);
  };
  if (!picture) return letters();
  let img = element.querySelector('img');
  if (!img) {
    img = new Image();
    img.alt = '';
    img.src = picture;
    element.prepend(img);
  }
  if (img.complete && img.naturalWidth === 0) letters();
  else img.addEventListener('error', letters, { once: true });
}
