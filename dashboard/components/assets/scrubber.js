// The scrubber: a moment that is dragged, moved by keys, or played; the page hears of it a few times a second at most.

const QUIET_MS = 300;
const PLAYED_IN_SECONDS = 40;

export class Scrubber {
  /** `tell(moment)` reaches the server; `show(moment)` draws. A moment of null is the whole conversation. */
  constructor(plot, show) {
    this.moment = null;
    this.isPlaying = false;
    this.show = show;
    this.plot = plot;
    this.toldAt = 0;
    plot.addEventListener("pointerdown", (event) => this.grab(event));
    plot.addEventListener("pointermove", (event) => this.isHeld && this.drag(event));
    plot.addEventListener("pointerup", () => (this.isHeld = false));
    plot.addEventListener("pointercancel", () => (this.isHeld = false));
    plot.addEventListener("keydown", (event) => this.press(event));
  }

  /** What the newest data say: the axis, and the way to the server. */
  renew({ axis, isOrder, tell }) {
    Object.assign(this, { axis, isOrder, tell });
    this.show(this.moment);
  }

  get speed() {
    return Math.max(1, Math.round(this.axis.length / PLAYED_IN_SECONDS));
  }

  grab(event) {
    const x = event.clientX - this.plot.getBoundingClientRect().left;
    if (event.button || x < this.axis.left - 8) return;
    this.isHeld = true;
    this.plot.setPointerCapture(event.pointerId);
    this.drag(event);
  }

  drag(event) {
    this.isPlaying = false;
    this.move(this.axis.value(event.clientX - this.plot.getBoundingClientRect().left));
  }

  press(event) {
    const step = this.isOrder ? 1 : Math.max(1, this.axis.length / 200);
    const now = this.moment ?? this.axis.length;
    const to = {
      ArrowLeft: now - step, ArrowDown: now - step, ArrowRight: now + step, ArrowUp: now + step,
      PageUp: now + 10 * step, PageDown: now - 10 * step, Home: 0, End: null, Escape: null,
    }[event.key];
    if (event.key === " ") this.toggle();
    else if (to === undefined) return;
    else this.move(to);
    event.preventDefault();
  }

  move(moment) {
    const within = moment === null || moment >= this.axis.length ? null : Math.max(0, moment);
    this.moment = within !== null && this.isOrder ? Math.round(within) : within;
    this.show(this.moment);
    this.report();
  }

  toggle() {
    this.isPlaying = !this.isPlaying;
    if (this.isPlaying && this.moment === null) this.move(0);
    this.playedAt = performance.now();
    this.exact = this.moment;
    this.show(this.moment);
    if (this.isPlaying) requestAnimationFrame((at) => this.play(at));
  }

  play(at) {
    if (!this.isPlaying || !this.plot.isConnected) return;
    this.exact += (Math.max(0, at - this.playedAt) / 1000) * (this.isOrder ? this.axis.length / PLAYED_IN_SECONDS : this.speed);
    this.playedAt = at;
    if (this.exact >= this.axis.length) this.isPlaying = false;
    this.move(this.exact >= this.axis.length ? null : this.exact);
    requestAnimationFrame((next) => this.play(next));
  }

  report() {
    clearTimeout(this.waiting);
    const wait = this.toldAt + QUIET_MS * (this.isPlaying ? 2 : 1) - performance.now();
    if (wait > 0) {
      this.waiting = setTimeout(() => this.report(), wait);
      return;
    }
    this.toldAt = performance.now();
    if (this.moment !== this.told) this.tell((this.told = this.moment));
  }
}
