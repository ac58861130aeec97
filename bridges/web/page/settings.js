// What the person chose: colours, a name, speech aloud. It is remembered, for this bridge.
const by = (id) => document.getElementById(id);

export class Settings {
  #storage;
  #on;
  #dark = matchMedia('(prefers-color-scheme: dark)');

  // on.aloud(bool) and on.reset() are what the person wants; on.aloud is called at once with what is remembered.
  constructor(storage, on) {
    this.#storage = storage;
    this.#on = on;
    this.#dialogs();
    this.#theme();
    this.#aloud();
    by('person').value = this.name;
    by('person').addEventListener('input', () => storage.set('name', by('person').value.trim()));
    storage.watch((name) => {
      if (name === 'theme') this.#colour();
      if (name === 'name') by('person').value = this.name;
    });
  }

  get name() {
    return this.#storage.get('name');
  }

  #dialogs() {
    const [settings, reset] = [by('settings'), by('reset')];
    by('settings-open').addEventListener('click', () => settings.showModal());
    by('settings-close').addEventListener('click', () => settings.close());
    by('reset-open').addEventListener('click', () => {
      settings.close();
      reset.showModal();
      by('reset-cancel').focus();
    });
    by('reset-cancel').addEventListener('click', () => reset.close());
    by('reset-confirm').addEventListener('click', () => {
      reset.close();
      this.#on.reset();
    });
    // Enter in the only text field means that it is done.
    by('person').addEventListener('keydown', (e) => e.key === 'Enter' && !e.isComposing && settings.close());
    for (const dialog of [settings, reset]) {
      dialog.addEventListener('click', (e) => e.target === dialog && dialog.close());
    }
  }

  #theme() {
    by('theme').addEventListener('click', () => this.#choose(this.#isDark() ? 'light' : 'dark'));
    for (const radio of document.querySelectorAll('input[name=theme]')) {
      radio.addEventListener('change', () => this.#choose(radio.value));
    }
    this.#dark.addEventListener('change', () => this.#colour());
    this.#colour();
  }

  #isDark() {
    const theme = this.#storage.get('theme');
    return theme ? theme === 'dark' : this.#dark.matches;
  }

  #choose(theme) {
    this.#storage.set('theme', theme);
    this.#colour();
  }

  #colour() {
    const theme = this.#storage.get('theme');
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
    document.documentElement.classList.toggle('is-dark', this.#isDark());
    const label = `Switch to ${this.#isDark() ? 'light' : 'dark'} colours`;
    by('theme').setAttribute('aria-label', label);
    by('theme').title = label;
    for (const radio of document.querySelectorAll('input[name=theme]')) radio.checked = radio.value === theme;
    document.querySelector('meta[name=theme-color]').content = getComputedStyle(by('stage')).backgroundColor;
  }

  #aloud() {
    const choose = (aloud) => {
      by('aloud').setAttribute('aria-pressed', String(aloud));
      by('aloud-setting').checked = aloud;
      this.#on.aloud(aloud);
    };
    const press = (aloud) => {
      this.#storage.set('aloud', aloud ? '1' : '');
      choose(aloud);
    };
    by('aloud').addEventListener('click', () => press(by('aloud').getAttribute('aria-pressed') !== 'true'));
    by('aloud-setting').addEventListener('change', () => press(by('aloud-setting').checked));
    choose(this.#storage.get('aloud') === '1');
  }
}
