// Scroll keeps the newest in sight for who looks at the newest, and leaves alone who reads further up.
const near = 64; // px from the end that still count as the end

export class Scroll {
  #area;
  #button;
  #missed = 0;
  #top = 0;
  pinned = true;

  constructor(area, button) {
    this.#area = area;
    this.#button = button;
    area.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    button.addEventListener('click', () => {
      this.down(true);
      // The button goes, so the focus needs a place.
      area.focus({ preventScroll: true });
    });
    // The keyboard of a phone, a growing message box, a picture of sound: whatever changes the room, the end stays in sight.
    const sizes = new ResizeObserver(() => this.follow());
    sizes.observe(area);
    sizes.observe(area.firstElementChild);
  }

  // follow goes to the end if the end was in sight.
  follow() {
    if (this.pinned) this.#area.scrollTop = this.#area.scrollHeight;
    else this.#show();
  }

  // added is follow, and counts the new items for those who do not see them.
  added(n) {
    if (!this.pinned) this.#missed += n;
    this.follow();
  }

  // down goes to the end.
  down(smooth = false) {
    this.pinned = true;
    this.#missed = 0;
    const calm = !smooth || matchMedia('(prefers-reduced-motion: reduce)').matches;
    this.#area.scrollTo({ top: this.#area.scrollHeight, behavior: calm ? 'instant' : 'smooth' });
    this.#show();
  }

  // page scrolls by about a screen.
  page(direction) {
    this.#area.scrollBy({ top: direction * this.#area.clientHeight * 0.85 });
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#area;
    const atEnd = scrollHeight - clientHeight - scrollTop < near;
    // Content that grows scrolls too: only a way up is a wish to read there.
    if (atEnd) this.pinned = true;
    else if (scrollTop < this.#top) this.pinned = false;
    this.#top = scrollTop;
    if (atEnd) this.#missed = 0;
    this.#show();
  }

  #show() {
    this.#button.hidden = this.pinned;
    this.#button.querySelector('span').textContent = this.#missed ? `${this.#missed} new` : 'Newest';
  }
}
