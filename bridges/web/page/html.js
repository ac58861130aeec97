// The server sends HTML that it made safe. It is made safe once more here: it is parsed into a document that loads and runs nothing, and
// only what is known to be harmless is copied from it, element by element.

const inline = ['a', 'br', 'code', 'del', 'em', 's', 'strong', 'u'];
const block = ['blockquote', 'h3', 'h4', 'h5', 'h6', 'hr', 'li', 'ol', 'p', 'pre', 'ul'];
const table = ['table', 'tbody', 'td', 'th', 'thead', 'tr'];
const allowed = new Set([...inline, ...block, ...table]);
// Their content is no text for people; of all other unknown elements the text stays.
const dropped = new Set(['script', 'style', 'template', 'title', 'iframe', 'noscript', 'object', 'svg', 'math', 'textarea', 'select', 'xmp', 'noembed', 'noframes', 'plaintext']);
const deepest = 60;

// The parsed document is inert, so its text may be anything; the browser still wants somebody to vouch for it.
const policy = globalThis.trustedTypes?.createPolicy('avatarbridge', { createHTML: (text) => text });

// safe returns a fragment with what of html may be shown.
export function safe(html) {
  const text = String(html ?? '');
  const inert = new DOMParser().parseFromString(policy ? policy.createHTML(text) : text, 'text/html');
  const out = document.createDocumentFragment();
  copy(inert.body, out, 0);
  for (const child of out.children) {
    if (!['PRE', 'HR'].includes(child.tagName)) child.dir = 'auto';
  }
  return out;
}

function copy(from, to, depth) {
  for (const node of from.childNodes) {
    if (node.nodeType === Node.TEXT_NODE) {
      to.append(node.data);
      continue;
    }
    const name = node.nodeType === Node.ELEMENT_NODE ? node.localName : '';
    if (!name || dropped.has(name)) continue;
    if (depth >= deepest) {
      to.append(node.textContent);
      continue;
    }
    if (!allowed.has(name) || node.namespaceURI !== 'http://www.w3.org/1999/xhtml') {
      copy(node, to, depth + 1);
      continue;
    }
    const element = document.createElement(name);
    attributes(node, element);
    // A link to nowhere is text.
    if (name === 'a' && !element.href) {
      copy(node, to, depth + 1);
      continue;
    }
    copy(node, element, depth + 1);
    to.append(element);
  }
}

function attributes(from, to) {
  switch (to.localName) {
    case 'a': {
      const url = link(from.getAttribute('href'), ['http:', 'https:', 'mailto:']);
      if (!url) return;
      to.href = url;
      to.target = '_blank';
      to.rel = 'noopener noreferrer nofollow';
      return;
    }
    case 'code':
      if (/^language-[\w+#.-]+$/.test(from.className)) to.className = from.className;
      return;
    case 'ol':
      if (/^\d{1,9}$/.test(from.getAttribute('start') ?? '')) to.start = Number(from.getAttribute('start'));
      return;
  }
}

// link returns href if it is a whole URL of one of the schemes, else ''. A relative one would lead into this site, which no avatar may do.
export function link(href, schemes = ['http:', 'https:']) {
  try {
    const url = new URL(href);
    return schemes.includes(url.protocol) ? url.href : '';
  } catch {
    return '';
  }
}

// own returns src if it is a path on this server, else ''.
export function own(src) {
  try {
    const url = new URL(src, location.origin);
    return url.origin === location.origin && (url.protocol === 'https:' || url.protocol === 'http:') ? url.pathname + url.search : '';
  } catch {
    return '';
  }
}

// grow makes target's children equal to those of fragment and leaves alone what is the same from the start on: a text that somebody has
// selected, or a code block that was scrolled, stays as it is while more is written below.
export function grow(target, fragment) {
  const next = [...fragment.childNodes];
  let same = 0;
  while (same < next.length && same < target.childNodes.length && target.childNodes[same].isEqualNode(next[same])) same++;
  while (target.childNodes.length > same) target.lastChild.remove();
  target.append(...next.slice(same));
}
