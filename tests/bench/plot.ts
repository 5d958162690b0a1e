/** Plots as SVG, by hand: two kinds are all that the benches draw. */

/** A line of a plot, by x. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface PlotWords {
  readonly title: string;
  readonly x: string;
  readonly y: string;
}

const WIDTH = 640;
const HEIGHT = 360;
const MARGIN = { left: 60, right: 170, top: 40, bottom: 50 };
const colours = ["#1f6feb", "#d9480f", "#2b8a3e", "#862e9c", "#5c5f66", "#c2255c", "#0b7285"];

/** Lines over numbers. Both axes begin at zero, so that what is linear looks so. */
export function linePlot(words: PlotWords, series: readonly Series[]): string {
  const points = series.flatMap((each) => each.points);
  const axes = axesOf(Math.max(...points.map(([x]) => x)), Math.max(...points.map(([, y]) => y)));
  const lines = series.map(({ name, points: own }, index) => {
    const colour = colours[index % colours.length];
    const path = own.map(([x, y]) => `${axes.x(x)},${axes.y(y)}`).join(" ");
    const dots = own.map(([x, y]) => `<circle cx="${axes.x(x)}" cy="${axes.y(y)}" r="3" fill="${colour}"/>`);
    return [
      `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`,
      ...dots,
      legend(index, name, colour ?? ""),
    ].join("\n");
  });
  return svg(words, [...axes.ticks, ...lines]);
}

/** Bars side by side for each group, on a logarithmic axis: a no-op and a first build are in one picture. */
export function barPlot(
  words: PlotWords,
  groups: readonly string[],
  series: readonly { readonly name: string; readonly values: readonly (number | undefined)[] }[],
): string {
  const values = series.flatMap((each) => each.values).filter((value): value is number => (value ?? 0) > 0);
  const [low, high] = [
    Math.floor(Math.log10(Math.min(...values))),
    Math.ceil(Math.log10(Math.max(...values))),
  ];
  const inner = HEIGHT - MARGIN.top - MARGIN.bottom;
  const y = (value: number) =>
    round(HEIGHT - MARGIN.bottom - (inner * (Math.log10(value) - low)) / Math.max(1, high - low));
  const group = (WIDTH - MARGIN.left - MARGIN.right) / groups.length;
  const bar = (group * 0.8) / series.length;
  const ticks = Array.from({ length: Math.max(1, high - low) + 1 }, (_, index) => 10 ** (low + index));
  const bars = series.flatMap(({ name, values: own }, at) => {
    const colour = colours[at % colours.length] ?? "";
    return [
      legend(at, name, colour),
      ...own.flatMap((value, index) => {
        if (!value) return [];
        const x = round(MARGIN.left + index * group + at * bar + group * 0.1);
        const height = round(HEIGHT - MARGIN.bottom - y(value));
        const title = `<title>${escaped(`${groups[index]}, ${name}: ${number(value)}`)}</title>`;
        return [
          `<rect x="${x}" y="${y(value)}" width="${round(bar)}" height="${height}" fill="${colour}">${title}</rect>`,
        ];
      }),
    ];
  });
  return svg(words, [
    ...ticks.map((tick) => rule(y(tick), number(tick))),
    ...groups.map((name, index) => text(MARGIN.left + (index + 0.5) * group, HEIGHT - 30, name, "middle")),
    ...bars,
  ]);
}

function axesOf(greatestX: number, greatestY: number) {
  const [stepX, stepY] = [stepOf(greatestX), stepOf(greatestY)];
  const x = (value: number) => round(MARGIN.left + ((WIDTH - MARGIN.left - MARGIN.right) * value) / topX);
  const y = (value: number) =>
    round(HEIGHT - MARGIN.bottom - ((HEIGHT - MARGIN.top - MARGIN.bottom) * value) / topY);
  const topX = Math.ceil(greatestX / stepX) * stepX || 1;
  const topY = Math.ceil(greatestY / stepY) * stepY || 1;
  const upTo = (top: number, step: number) =>
    Array.from({ length: Math.round(top / step) + 1 }, (_, index) => index * step);
  const ticks = [
    ...upTo(topX, stepX).map((value) => text(x(value), HEIGHT - 30, number(value), "middle")),
    ...upTo(topY, stepY).map((value) => rule(y(value), number(value))),
  ];
  return { x, y, ticks };
}

/** Between ticks: 1, 2 or 5 times a power of ten, some five of them up to `greatest`. */
function stepOf(greatest: number): number {
  if (greatest <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(greatest / 5));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => greatest / step <= 6) ?? 10 * power;
}

function svg({ title, x, y }: PlotWords, content: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    `<text x="${MARGIN.left}" y="20" font-size="14" font-weight="bold">${escaped(title)}</text>`,
    text((MARGIN.left + WIDTH - MARGIN.right) / 2, HEIGHT - 10, x, "middle"),
    text(MARGIN.left, MARGIN.top - 6, y, "start"),
    ...content,
    "</svg>",
    "",
  ].join("\n");
}

function rule(y: number, label: string): string {
  const line = `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y}" y2="${y}" stroke="#dee2e6"/>`;
  return `${line}\n${text(MARGIN.left - 6, y + 4, label, "end")}`;
}

function legend(index: number, name: string, colour: string): string {
  const [x, y] = [WIDTH - MARGIN.right + 16, MARGIN.top + index * 20];
  return `<rect x="${x}" y="${y}" width="12" height="12" fill="${colour}"/>\n${text(x + 18, y + 10, name, "start")}`;
}

function text(x: number, y: number, words: string, anchor: string): string {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${escaped(words)}</text>`;
}

function number(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
