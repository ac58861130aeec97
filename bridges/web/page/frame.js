// frame is the page's side of a chat that another site shows in a frame: the script embed.js there owns the frame, and is told when the
// person wants to close it and when there are news. Neither is a secret, so it does not matter who hears it.

// frame calls focus() when the frame was opened, and returns {news} for telling that something was said.
export function frame(focus) {
  const tell = (word) => parent.postMessage({ avatarbridge: word }, '*');
  addEventListener('message', (e) => e.source === parent && e.data?.avatarbridge === 'opened' && focus());
  document.getElementById('close').addEventListener('click', () => tell('close'));
  // A dialog, an input method or a recording takes the key first.
  addEventListener('keydown', (e) => {
    if (e.key === 'Escape' && !e.defaultPrevented && !e.isComposing && !document.querySelector('dialog[open]')) tell('close');
  });
  tell('ready');
  return { news: () => tell('news') };
}
