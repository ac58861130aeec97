// What code blocks and tables need beside their text.

// decorate gives the code in fragment a bar with its language and a button that copies it, lets wide tables scroll by themselves, and marks
// the items of lists of tasks, whose box stands in the place of the dot.
export function decorate(fragment) {
  for (const pre of [...fragment.querySelectorAll('pre')]) {
    const figure = document.createElement('div');
    figure.className = 'code';
    const bar = document.createElement('div');
    bar.className = 'bar';
    const language = document.createElement('span');
    language.textContent = pre.querySelector('code')?.className.replace('language-', '') || 'text';
    const copy = document.createElement('button');
    copy.type = 'button';
    copy.className = 'copy inline';
    copy.textContent = 'Copy';
    bar.append(language, copy);
    pre.replaceWith(figure);
    pre.dir = 'ltr';
    figure.append(bar, pre);
  }
  for (const table of [...fragment.querySelectorAll('table')]) {
    const box = document.createElement('div');
    box.className = 'table';
    table.replaceWith(box);
    box.append(table);
  }
  for (const item of fragment.querySelectorAll('li')) item.classList.toggle('task', /^[☐☑]/.test(item.textContent));
  return fragment;
}

// overflow lets the keyboard reach what in element is wider than its room; the rest is no stop for it.
export function overflow(element) {
  for (const box of element.querySelectorAll('pre, .table')) {
    const wide = box.scrollWidth > box.clientWidth;
    if (wide === box.hasAttribute('tabindex')) continue;
    box.toggleAttribute('tabindex', wide);
    if (wide) {
      box.tabIndex = 0;
      box.setAttribute('role', 'group');
      box.setAttribute('aria-label', box.localName === 'pre' ? 'Code' : 'Table');
    } else {
      box.removeAttribute('role');
      box.removeAttribute('aria-label');
    }
  }
}

// listen answers the copy buttons in area. They come and go with drafts, so that one listener serves them all.
export function listen(area, say) {
  area.addEventListener('click', async (e) => {
    const button = e.target.closest?.('.copy');
    if (!button) return;
    const pre = button.closest('.code').querySelector('pre');
    const done = await write(pre);
    button.textContent = done ? 'Copied' : 'Select it by hand';
    say(done ? 'Copied.' : 'It could not be copied.');
    setTimeout(() => (button.textContent = 'Copy'), 2000);
  });
}

async function write(pre) {
  try {
    await navigator.clipboard.writeText(pre.textContent);
    return true;
  } catch {
    // Pages that were not loaded over https have no clipboard; what is selected they may copy.
    getSelection().selectAllChildren(pre);
    return document.execCommand('copy');
  }
}
