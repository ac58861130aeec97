// Storage keeps small texts between visits, under names that begin with the page's base, so that two bridges on one host do not mix.
// Browsers may refuse it (private windows, blocked cookies, a full disk): then it works from memory, for as long as the page is open.
export class Storage {
  #prefix;
  #memory = new Map();

  constructor(base) {
    this.#prefix = `avatarbridge:${base}:`;
  }

  // get returns '' for what is not there.
  get(name) {
    try {
      return this.#memory.get(name) ?? localStorage.getItem(this.#prefix + name) ?? '';
    } catch {
      return this.#memory.get(name) ?? '';
    }
  }

  // set with '' removes.
  set(name, value) {
    this.#memory.delete(name);
    try {
      if (value === '') localStorage.removeItem(this.#prefix + name);
      else localStorage.setItem(this.#prefix + name, value);
    } catch {
      if (value !== '') this.#memory.set(name, value);
    }
  }

  // names returns those that begin with start.
  names(start) {
    const names = new Set([...this.#memory.keys()].filter((name) => name.startsWith(start)));
    try {
      for (let i = 0; i < localStorage.length; i++) {
        const key = localStorage.key(i);
        if (key.startsWith(this.#prefix + start)) names.add(key.slice(this.#prefix.length));
      }
    } catch {
      // What is in memory is all there is.
    }
    return [...names];
  }

  // watch calls changed(name, value) when another tab set or removed something.
  watch(changed) {
    addEventListener('storage', (e) => {
      if (e.key?.startsWith(this.#prefix)) changed(e.key.slice(this.#prefix.length), e.newValue ?? '');
    });
  }
}
