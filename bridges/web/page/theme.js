// Runs before the page is painted, and is therefore a plain script: who chose other colours than the system's must not see a flash of it.
(() => {
  const body = document.body;
  try {
    const theme = localStorage.getItem(`avatarbridge:${body.dataset.base}:theme`);
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
  } catch {
    // Storage is refused: the system's colours it is.
  }
  // Each avatar has a colour of its own, made from its name. These hues go well with the page; others look ill in one of the themes.
  const hues = [18, 38, 62, 138, 162, 188, 212, 236, 258, 284, 312, 346];
  let sum = 1;
  for (const c of body.dataset.avatar) sum = (sum * 31 + c.codePointAt(0)) >>> 0;
  document.documentElement.style.setProperty('--hue', hues[sum % hues.length]);
})();
