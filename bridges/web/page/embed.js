// Puts the chat onto another site: <script src="https://bot.example.com/chat/NAME/embed.js" async></script>. The site must be among the
// bridge's origins. It shows a round button in a corner, which opens the chat in a frame. data-label is what the button says to a
// screen reader and as its title, data-side="left" puts it into the other corner, data-colour is the button's colour.
//
// All of it is in a shadow tree with a style sheet made here, so that neither side's styles reach the other's, and a site that forbids
// inline styles need not allow any. Such a site needs this script's address in its script-src and frame-src.
(() => {
  const script = document.currentScript ?? document.querySelector('script[src*="/chat/"][src*="/embed.js"]');
  if (!script) return;
  const base = script.src.replace(/\/embed\.js([?#].*)?$/, '');
  const { label = 'Chat', side = 'right', colour = '' } = script.dataset;

  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
    :host { all: initial; --colour: #2f4f6b; }
    button { position: fixed; z-index: 2147483000; inset: auto 1.25rem calc(1.25rem + env(safe-area-inset-bottom)) auto; width: 3.5rem; height: 3.5rem; padding: 0; border: 2px solid #fff; border-radius: 50%; color: #fff; background: var(--colour); box-shadow: 0 .25rem 1rem rgb(0 0 0 / .3); cursor: pointer; transition: transform .15s; }
    button:hover { transform: scale(1.05); }
    button:focus-visible { outline: 3px solid var(--colour); outline-offset: 3px; }
    svg { width: 1.75rem; height: 1.75rem; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; vertical-align: middle; }
    .news { position: absolute; inset: -.125rem -.125rem auto auto; width: .875rem; height: .875rem; border: 2px solid #fff; border-radius: 50%; background: #c2261c; }
    dialog { position: fixed; z-index: 2147483001; inset: auto 1.25rem calc(5.5rem + env(safe-area-inset-bottom)) auto; width: min(25rem, calc(100vw - 2.5rem)); height: min(40rem, calc(100dvh - 7rem)); max-width: none; max-height: none; margin: 0; padding: 0; overflow: hidden; border: 1px solid rgb(128 128 128 / .4); border-radius: 1.25rem; background: Canvas; color: CanvasText; box-shadow: 0 1rem 3rem rgb(0 0 0 / .3); animation: rise .2s ease-out; }
    .left { right: auto; left: 1.25rem; }
    iframe { display: block; width: 100%; height: 100%; border: 0; color-scheme: normal; }
    dialog .out { position: absolute; z-index: 1; inset: .5rem .5rem auto auto; width: 2.75rem; height: 2.75rem; box-shadow: none; }
    [hidden] { display: none; }
    @keyframes rise { from { opacity: 0; transform: translateY(.75rem); } }
    @media (max-width: 30rem), (max-height: 30rem) { dialog { inset: 0; width: 100%; height: 100dvh; border: 0; border-radius: 0; } }
    @media (prefers-reduced-motion: reduce) { dialog { animation: none; } button { transition: none; } button:hover { transform: none; } }
  `);

  const make = (name, properties, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };
  const drawing = (d) => {
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    svg.setAttribute('viewBox', '0 0 24 24');
    svg.setAttribute('aria-hidden', 'true');
    const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
    path.setAttribute('d', d);
    svg.append(path);
    return svg;
  };
  const bubble = () => drawing('M20 11.5a7.5 7.5 0 0 1-11 6.6L4.5 19.5l1.3-4.2A7.5 7.5 0 1 1 20 11.5Z');
  const cross = () => drawing('m6 6 12 12M18 6 6 18');

  const corner = side === 'left' ? 'left' : '';
  const button = make('button', { type: 'button', title: label, className: corner, ariaExpanded: 'false', ariaLabel: label }, bubble());
  const news = make('span', { className: 'news', hidden: true });
  const out = make('button', { type: 'button', className: 'out', ariaLabel: 'Close the chat' }, cross());
  const dialog = make('dialog', { className: corner, ariaLabel: label }, out);
  let frame = null;
  let ready = false;

  // On a phone the chat takes the whole screen, so that what is behind it is out of reach; elsewhere the site can be used beside it.
  const open = () => {
    if (!frame) {
      frame = make('iframe', { title: label, src: `${base}?embed=1`, allow: 'microphone; autoplay; clipboard-write' });
      dialog.append(frame);
    }
    if (matchMedia('(max-width: 30rem), (max-height: 30rem)').matches) dialog.showModal();
    else dialog.show();
    news.hidden = true;
    button.ariaExpanded = 'true';
    button.ariaLabel = label;
    button.replaceChildren(cross(), news);
    frame.focus();
    if (ready) frame.contentWindow.postMessage({ avatarbridge: 'opened' }, new URL(base).origin);
  };
  const closed = () => {
    button.ariaExpanded = 'false';
    button.replaceChildren(bubble(), news);
    button.focus();
  };

  button.addEventListener('click', () => (dialog.open ? dialog.close() : open()));
  out.addEventListener('click', () => dialog.close());
  dialog.addEventListener('close', closed);
  for (const element of [button, dialog]) {
    element.addEventListener('keydown', (e) => e.key === 'Escape' && dialog.open && dialog.close());
  }

  addEventListener('message', (e) => {
    if (!frame || e.source !== frame.contentWindow || e.origin !== new URL(base).origin) return;
    switch (e.data?.avatarbridge) {
      case 'ready': // it has a button of its own for closing
        ready = true;
        out.hidden = true;
        if (dialog.open) frame.contentWindow.postMessage({ avatarbridge: 'opened' }, e.origin);
        break;
      case 'close':
        dialog.close();
        break;
      case 'news':
        news.hidden = dialog.open;
        if (!dialog.open) button.ariaLabel = `${label}, new message`;
        break;
    }
  });

  const host = document.createElement('avatar-chat');
  const root = host.attachShadow({ mode: 'open' });
  root.adoptedStyleSheets = [sheet];
  root.append(button, dialog);
  if (CSS.supports('color', colour)) host.style.setProperty('--colour', colour);
  const place = () => document.body.append(host);
  if (document.body) place();
  else addEventListener('DOMContentLoaded', place);
})();
