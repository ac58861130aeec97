// Composer is the message box. What was typed in a tab and not sent outlives a reload of it.
export class Composer {
  #form = document.getElementById('composer');
  #text = document.getElementById('text');
  #send = document.getElementById('send');
  #counter = document.getElementById('counter');
  #max;
  #on;

  // on.send(text) takes a message, on.page(±1) scrolls the conversation. Nothing longer than max UTF-16 units is sent.
  constructor(base, max, on) {
    this.#max = max;
    this.#on = on;
    const name = `avatarbridge:${base}:typing`;
    this.#text.value = remembered(name);
    this.#text.addEventListener('input', () => {
      this.#fit();
      remember(name, this.#text.value);
    });
    this.#text.addEventListener('keydown', (e) => this.#key(e));
    this.#form.addEventListener('submit', (e) => {
      e.preventDefault();
      this.#submit(name);
    });
    // A press on the button would take the focus from the box, and a phone's keyboard away with it.
    this.#send.addEventListener('pointerdown', (e) => e.preventDefault());
    addEventListener('resize', () => this.#fit());
    this.#fit();
  }

  focus() {
    this.#text.focus();
  }

  #key(e) {
    // While an input method is open, Enter chooses a word. Safari ends that before the key comes, and then its code is 229.
    if (e.isComposing || e.keyCode === 229) return;
    if (e.key === 'Enter' && !e.shiftKey && !e.altKey && !e.ctrlKey && !e.metaKey) {
      e.preventDefault();
      this.#form.requestSubmit();
    }
    const oneLine = !this.#text.value.includes('\n');
    if (oneLine && e.key === 'PageUp') this.#on.page(-1);
    if (oneLine && e.key === 'PageDown') this.#on.page(1);
  }

  #submit(name) {
    const text = this.#text.value.trim();
    this.#text.focus();
    if (!text || text.length > this.#max) return;
    this.#text.value = '';
    remember(name, '');
    this.#fit();
    this.#on.send(text);
  }

  // fit makes the box as high as its text, up to what the style allows, and counts where that begins to matter.
  #fit() {
    this.#text.style.height = 'auto';
    const border = this.#text.offsetHeight - this.#text.clientHeight;
    this.#text.style.height = `${this.#text.scrollHeight + border}px`;
    const length = this.#text.value.trim().length;
    const over = length > this.#max;
    const format = (n) => n.toLocaleString();
    this.#counter.textContent = over ? `${format(length - this.#max)} characters too many: at most ${format(this.#max)} can be sent at once.`
      : length > this.#max * 0.8 ? `${format(this.#max - length)} characters left` : '';
    this.#counter.classList.toggle('over', over);
    this.#text.setAttribute('aria-invalid', String(over));
    // Not disabled: a button that goes dead under the focus is lost to the keyboard.
    this.#send.setAttribute('aria-disabled', String(over || length === 0));
  }
}

function remembered(name) {
  try {
    return sessionStorage.getItem(name) ?? '';
  } catch {
    return '';
  }
}

function remember(name, text) {
  try {
    if (text) sessionStorage.setItem(name, text);
    else sessionStorage.removeItem(name);
  } catch {
    // Refused: it is only lost with a reload.
  }
}
