// Bars are the short messages of the page itself above the message box: one for each subject, the newest below.
const box = document.getElementById('bars');
const shown = new Map();

// bar shows text under a subject, with buttons {label: press}; '' takes it away.
export function bar(subject, text, buttons = {}) {
  const old = shown.get(subject);
  if (old?.dataset.text === text) return;
  old?.remove();
  shown.delete(subject);
  if (!text) return;
  const p = document.createElement('p');
  p.className = 'note';
  p.dataset.subject = subject;
  p.dataset.text = text;
  const span = document.createElement('span');
  span.textContent = text;
  p.append(span);
  for (const [label, press] of Object.entries(buttons)) {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'inline';
    button.textContent = label;
    button.addEventListener('click', () => {
      bar(subject, '');
      press();
    });
    p.append(button);
  }
  shown.set(subject, p);
  box.append(p);
}

// say tells something to a screen reader alone.
export function say(text) {
  const region = document.getElementById('say');
  region.textContent = '';
  setTimeout(() => (region.textContent = text), 50);
}
