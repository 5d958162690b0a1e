import assert from "node:assert/strict";
import { test } from "node:test";
import { barPlot, linePlot } from "../../../bench/plot.ts";

const words = { title: "a < b & c", x: "stages", y: "seconds" };

test("a line goes through its points: twice as much is twice as high", () => {
  const svg = linePlot(words, [
    {
      name: "plan",
      points: [
        [0, 0],
        [30, 2],
        [60, 4],
      ],
    },
  ]);
  const line = /points="([^"]+)"/.exec(svg)?.[1]?.split(" ") ?? [];
  const [[x0, y0], [x1, y1], [x2, y2]] = line.map((pair) => pair.split(",").map(Number)) as [
    number,
    number,
  ][] as [[number, number], [number, number], [number, number]];
  assert.equal(line.length, 3);
  assert.ok(Math.abs(x2 - x1 - (x1 - x0)) <= 0.2 && Math.abs(y0 - y1 - (y1 - y2)) <= 0.2);
  assert.match(svg, /a &lt; b &amp; c/);
  assert.match(svg, />plan<\/text>/);
});

test("a bar's height is its number's logarithm; what was not measured has none", () => {
  const svg = barPlot(
    words,
    ["cold", "nothing"],
    [
      { name: "strata", values: [100, undefined] },
      { name: "P", values: [10, 1] },
    ],
  );
  const heights = [
    ...svg.matchAll(/<rect x="[\d.]+" y="[\d.]+" width="[\d.]+" height="([\d.]+)" fill="#\w+"><title>/g),
  ].map(([, height]) => Number(height));
  assert.equal(heights.length, 3);
  const [hundred = 0, ten = 0, one = 0] = heights;
  assert.ok(Math.abs(hundred - 2 * ten) <= 0.2);
  assert.equal(one, 0);
});
