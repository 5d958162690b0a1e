/** How a time grows with a number. */
export interface Growth {
  /** Time that does not depend on the number. */
  readonly base: number;
  /** Time that each one adds. */
  readonly each: number;
  /** What the greatest one takes, in terms of the line through all smaller ones: 1 is linear. */
  readonly bend: number;
}

/** Above it, growth is not called linear; below, it is what a machine that others use does to times. */
const LINEAR_BEND = 1.2;

/** Fits a line through all points but the last, and compares the last with it. Wants three points at least, by number. */
export function growthOf(points: readonly (readonly [count: number, time: number])[]): Growth {
  const before = points.slice(0, -1);
  const [count = 0, time = 0] = points.at(-1) ?? [];
  if (before.length < 2) throw new Error("growth wants three points");
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [middleX, middleY] = [mean(before.map(([x]) => x)), mean(before.map(([, y]) => y))];
  const spread = before.reduce((sum, [x]) => sum + (x - middleX) ** 2, 0);
  const each = before.reduce((sum, [x, y]) => sum + (x - middleX) * (y - middleY), 0) / spread;
  const base = middleY - each * middleX;
  return { base, each, bend: time / (base + each * count) };
}

/** Whether the last point lies on the line of the others, or below. */
export function isLinear({ bend }: Growth): boolean {
  return bend <= LINEAR_BEND;
}
