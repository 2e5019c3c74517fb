// The x axis of time, or of order: its scale, its ticks, and how a moment is written.

const SECONDS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

/** From values 0 … length to pixels left … right, and back. */
export function scale(length, left, right) {
  const span = Math.max(length, 1e-9);
  return {
    length,
    left,
    right,
    x: (value) => left + (Math.min(Math.max(value, 0), span) / span) * (right - left),
    value: (x) => (Math.min(Math.max((x - left) / (right - left), 0), 1)) * span,
  };
}

/** Values for about one tick every 90 pixels, at round times after `origin` seconds; whole messages where only their order is known. */
export function ticks({ length, left, right }, isOrder, origin = 0) {
  const wanted = Math.max(2, Math.floor((right - left) / 90));
  const step = isOrder ? wholeStep(length / wanted) : SECONDS.find((s) => length / s <= wanted) ?? 86400 * Math.ceil(length / wanted / 86400);
  const values = [];
  for (let value = (step - (origin % step)) % step; value <= length + 1e-6; value += step) values.push(value);
  return values;
}

function wholeStep(least) {
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 1)));
  return Math.max(1, [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least));
}

/** Seconds since the start as 1:27 or 1:05:09. */
export function elapsed(seconds) {
  const whole = Math.floor(seconds + 1e-6);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
