import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  cell,
  code,
  codeBlock,
  html,
  knownCompareLink,
  label,
  link,
  plain,
} from "../../../../lib/preview/escape.ts";

test("code keeps what is written in it, backticks too", () => {
  assert.equal(code("layers/torch/verify.py"), "`layers/torch/verify.py`");
  assert.equal(code("a `b` c"), "`` a `b` c ``");
  assert.equal(code("``"), "``` `` ```");
  assert.equal(code("two\nlines"), "`two lines`");
  assert.equal(code(""), "");
});

test("nothing that is written can end its code, whatever it is", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const markdown = code(text);
      const fence = /^`*/.exec(markdown)?.[0] ?? "";
      const inside = markdown.slice(fence.length, markdown.length - fence.length);
      assert.ok(!inside.split(/[^`]+/).includes(fence) || fence === "");
      assert.ok(!markdown.includes("\n"));
    }),
  );
});

test("a bar cannot end a cell, and a new line cannot end a row", () => {
  assert.equal(cell(code("a|b")), "`a\\|b`");
  assert.equal(cell("a\nb"), "a b");
});

test("a block of code ends where it should, however many backticks its text has", () => {
  assert.equal(codeBlock("x\n```\ny"), "````text\nx\n```\ny\n````");
});

test("HTML stays text, and nobody is called", () => {
  assert.equal(html('<img src=x onerror="a">'), "&#60;img src=x onerror=&#34;a&#34;&#62;");
  assert.equal(html("@everybody"), "&#64;everybody");
});

test("characters that cannot be seen or turn text round are shown as such", () => {
  assert.equal(plain("a\u202eb\u200bc\u0000d"), "a\u{fffd}b\u{fffd}c\u{fffd}d");
});

test("only https addresses become links, and none can leave its brackets", () => {
  assert.equal(link("compare", "https://host/a/b"), "[compare](https://host/a/b)");
  assert.equal(link("compare", "https://host/a)b(c"), "[compare](https://host/a%29b%28c)");
  assert.equal(link("compare", "https://host/%20a"), "[compare](https://host/%20a)");
  for (const address of ["javascript:alert(1)", "http://host/", "https://host/a b", ""]) {
    assert.equal(link("compare", address), "compare");
  }
});

test("a label of a graph holds no quote, no bracket and no end of the graph", () => {
  assert.equal(label("nodes-image (2 of 6)"), "nodes-image (2 of 6)");
  assert.match(label('x"]; click y'), /^x#34;#93;; click y$/);
  assert.ok(!label("```<script>").match(/[`<>]/));
});

test("a stranger's preview links to pages that compare commits, and to nothing else", () => {
  const commits = "aaaaaaaaaa...bbbbbbbbbb";
  for (const page of [
    `https://github.com/o/n.x/compare/${commits}`,
    `https://gitlab.com/group/sub/n/-/compare/${commits}`,
    `https://codeberg.org/o/n/compare/${commits}`,
  ])
    assert.equal(knownCompareLink(page), `[compare](${page})`);
  for (const page of [
    `https://evil.example/o/n/compare/${commits}`,
    `https://github.com.evil.example/o/n/compare/${commits}`,
    `https://github.com@evil.example/o/n/compare/${commits}`,
    `https://github.com/o/n/compare/${commits}?x`,
    `https://github.com/o/n/compare/main...evil`,
    `https://github.com/../n/compare/${commits}`,
    `https://github.com/login/oauth/authorize`,
    `http://github.com/o/n/compare/${commits}`,
    `https://github.com/o/n/compare/${commits}\n`,
  ])
    assert.equal(knownCompareLink(page), undefined, page);
});
