// What programs write for a terminal, as pieces of text with names of classes: no markup, no colour of its own, since a
// colour has to be readable on a light page and on a dark one.

// Colours and the like; other orders (moves, titles, links) say nothing here, whole or cut off at the end.
const SEQUENCE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /\u001b\[([0-9;:]*)m|\u001b\[[0-?]*[ -/]*(?:[@-~]|$)|\u001b[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\|$)|\u001b[ -/]*(?:[0-~]|$)|[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
const CLASSES = { 1: "bold", 2: "dim", 3: "italic", 4: "under", 9: "struck" };
const ENDS = { 22: [1, 2], 23: [3], 24: [4], 29: [9] };

/** A fresh terminal's state; it goes on from line to line. */
export function plainState() {
  return { styles: new Set(), front: null, back: null, swapped: false };
}

/** The pieces of a line: `[{text, className}]`; changes the state. */
export function pieces(line, state) {
  const found = [];
  let from = 0;
  const add = (text) => text && found.push({ text, className: classNames(state) });
  for (const match of line.matchAll(SEQUENCE)) {
    add(line.slice(from, match.index));
    from = match.index + match[0].length;
    if (match[1] !== undefined) apply(match[1], state);
  }
  add(line.slice(from));
  return found;
}

/** The line without them, for search and copies. */
export function withoutSequences(line) {
  return line.replace(SEQUENCE, "");
}

function classNames({ styles, front, back, swapped }) {
  const [f, b] = swapped ? [back ?? 0, front ?? 7] : [front, back];
  const names = [...styles].map((style) => `a-${CLASSES[style]}`);
  if (f !== null) names.push(`a-f${f}`);
  if (b !== null) names.push(`a-b${b}`);
  return names.join(" ");
}

function apply(text, state) {
  const codes = text.split(/[;:]/).map(Number);
  for (let at = 0; at < codes.length; at++) {
    const code = codes[at];
    if (code === 0) Object.assign(state, plainState());
    else if (CLASSES[code]) state.styles.add(code);
    else if (ENDS[code]) for (const style of ENDS[code]) state.styles.delete(style);
    else if (code === 7 || code === 27) state.swapped = code === 7;
    else if (code === 39) state.front = null;
    else if (code === 49) state.back = null;
    else if (code === 38 || code === 48) {
      const { colour, used } = extended(codes.slice(at + 1));
      if (colour !== null) state[code === 38 ? "front" : "back"] = colour;
      at += used;
    } else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) state.front = code % 10;
    else if ((code >= 40 && code <= 47) || (code >= 100 && code <= 107)) state.back = code % 10;
  }
}

/** One of 256 colours, or red, green and blue: the nearest of ours. */
function extended([kind, ...values]) {
  if (kind === 5) return { colour: ofPalette(values[0] ?? 0), used: 2 };
  if (kind === 2) return { colour: nearest(values[0] ?? 0, values[1] ?? 0, values[2] ?? 0), used: 4 };
  return { colour: null, used: 1 };
}

function ofPalette(number) {
  if (number < 16) return number % 8;
  if (number > 231) return number < 244 ? 0 : 7;
  const step = (value) => (value % 6) * 51;
  return nearest(
    step(Math.floor((number - 16) / 36)),
    step(Math.floor((number - 16) / 6)),
    step(number - 16),
  );
}

function nearest(red, green, blue) {
  const most = Math.max(red, green, blue);
  if (most - Math.min(red, green, blue) < 40) return most < 110 ? 0 : 7;
  const bit = (value, weight) => (value > most * 0.55 ? weight : 0);
  return bit(red, 1) + bit(green, 2) + bit(blue, 4);
}
