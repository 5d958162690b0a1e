import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSize } from "../../../lib/size.ts";

test("every unit, in any case, with spaces or without; what is left over is rounded", () => {
  const sizes: Readonly<Record<string, number>> = {
    "1B": 1,
    "2 kB": 2e3,
    "1.5MB": 1.5e6,
    " 3.3 gb ": 3.3e9,
    "4 TB": 4e12,
    "1KiB": 1024,
    "1 mib": 2 ** 20,
    "12 GiB": 12 * 2 ** 30,
    "1 TiB": 2 ** 40,
    "1.2345 kB": 1235,
  };
  for (const [text, bytes] of Object.entries(sizes)) assert.equal(parseSize(text, "x"), bytes, text);
});

test("anything else is refused, with the place where it stands", () => {
  for (const text of ["", "GB", "1", "1 iB", "1 PB", "1. GB", ".5 GB", "1,5 GB", "-1 GB", "x1 GB", "1 GB x"])
    assert.throws(() => parseSize(text, "label a"), /^UserError: label a: expected a size, got "/, text);
});
