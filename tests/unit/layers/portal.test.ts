/** The portal's reading of what programs write for a terminal. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { repository } from "../../../home.ts";

interface Piece {
  readonly text: string;
  readonly className: string;
}
interface Ansi {
  plainState(): object;
  pieces(line: string, state: object): Piece[];
  withoutSequences(line: string): string;
}

const file = join(repository, "layers/portal/rootfs/opt/portal-aio/portal/static/js/ansi.js");
const { pieces, plainState, withoutSequences }: Ansi = await import(file);
const read = (line: string, state = plainState()) =>
  pieces(line, state).map(({ text, className }) => (className ? `${className}(${text})` : text));

test("colours and styles are classes, and end where they end", () => {
  assert.deepEqual(read("a \x1b[1;31mb\x1b[0m c"), ["a ", "a-bold a-f1(b)", " c"]);
  assert.deepEqual(read("\x1b[92;44mx\x1b[39my\x1b[49mz"), ["a-f2 a-b4(x)", "a-b4(y)", "z"]);
  assert.deepEqual(read("\x1b[2;3;4;9mx\x1b[22;23;24;29my"), ["a-dim a-italic a-under a-struck(x)", "y"]);
  assert.deepEqual(read("\x1b[7mx\x1b[27my\x1b[mz"), ["a-f0 a-b7(x)", "y", "z"]);
});

test("a colour of many is the nearest of ours, which is readable on either ground", () => {
  assert.deepEqual(read("\x1b[38;5;196mx"), ["a-f1(x)"]);
  assert.deepEqual(read("\x1b[38;5;214mx"), ["a-f3(x)"]);
  assert.deepEqual(read("\x1b[38;5;12mx\x1b[48;5;240my"), ["a-f4(x)", "a-f4 a-b0(y)"]);
  assert.deepEqual(read("\x1b[38;2;10;200;30mx\x1b[38;2;250;250;250my"), ["a-f2(x)", "a-f7(y)"]);
  assert.deepEqual(read("\x1b[38:2:255:0:255mx"), ["a-f5(x)"]);
  // What follows a colour of many is still read.
  assert.deepEqual(read("\x1b[38;5;196;1mx"), ["a-bold a-f1(x)"]);
});

test("a colour goes on in the next line", () => {
  const state = plainState();
  assert.deepEqual(read("\x1b[31mone", state), ["a-f1(one)"]);
  assert.deepEqual(read("two\x1b[0m", state), ["a-f1(two)"]);
  assert.deepEqual(read("three", state), ["three"]);
});

test("titles, links, moves and bells leave their text alone", () => {
  assert.equal(withoutSequences("\x1b]0;title\x07a\x1b]8;;http://x\x1b\\b\x1b]8;;\x1b\\c"), "abc");
  assert.equal(withoutSequences("\x1b[2K\x1b[1Aa\x1b[?25lb\x07\x08c\x1b(Bd"), "abcd");
  // Cut off at the end of what was read.
  assert.equal(withoutSequences("a\x1b[38;5"), "a");
  assert.equal(withoutSequences("a\x1b]0;tit"), "a");
  assert.equal(withoutSequences("tabs\tstay, and umlauts: ä█"), "tabs\tstay, and umlauts: ä█");
});

test("whatever is written: no control character is left, and only names of our own classes come out", () => {
  const part = fc.oneof(
    fc.string(),
    fc.string({ unit: "binary" }),
    fc.constantFrom(
      "\x1b[",
      "\x1b]",
      "m",
      ";",
      "38;5;",
      "48;2;1;2;3",
      "\x07",
      "\x1b\\",
      "<script>",
      "0",
      "31",
    ),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 30 }), (parts) => {
      const line = parts.join("");
      const found = pieces(line, plainState());
      const text = found.map((piece) => piece.text).join("");
      assert.equal(text, withoutSequences(line));
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      assert.doesNotMatch(text, /[\x00-\x08\x0b-\x1f\x7f-\x9f]/);
      for (const { className } of found)
        assert.match(className, /^(a-(bold|dim|italic|under|struck|[fb][0-7])( |$))*$/);
    }),
  );
});
