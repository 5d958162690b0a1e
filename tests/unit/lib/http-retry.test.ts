import assert from "node:assert/strict";
import { test } from "node:test";
import { isPassingStatus, retryAfterMs } from "../../../lib/http-retry.ts";

const now = Date.parse("1994-11-06T08:49:00Z");

test("Retry-After may be seconds or a date in each form of RFC 9110, in UTC whatever the time zone here", (context) => {
  const zone = process.env.TZ;
  context.after(() => {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  });
  for (const timeZone of ["UTC", "Asia/Tokyo", "America/Los_Angeles"]) {
    process.env.TZ = timeZone;
    for (const [value, ms] of [
      ["0", 0],
      ["120", 120_000],
      [" 7 ", 7_000],
      ["Sun, 06 Nov 1994 08:49:37 GMT", 37_000],
      ["Sunday, 06-Nov-94 08:49:37 GMT", 37_000],
      ["Sun Nov  6 08:49:37 1994", 37_000],
      // What is over needs no pause.
      ["Sun, 06 Nov 1994 08:48:00 GMT", 0],
    ] as const) {
      assert.equal(retryAfterMs(value, now), ms, `${value} in ${timeZone}`);
    }
  }
});

test("what is neither says nothing, instead of a date that JavaScript makes of it", () => {
  for (const value of [null, "", "-5", "1.5", "soon", "5 s", "1994-11-06", "Sun, 99 Foo 1994 08:49:37 GMT"]) {
    assert.equal(retryAfterMs(value, now), undefined, String(value));
  }
});

test("a server without time is asked again, a refusal is not", () => {
  for (const status of [408, 425, 429, 500, 502, 503, 504]) assert.ok(isPassingStatus(status), `${status}`);
  for (const status of [200, 302, 400, 401, 403, 404, 410, 501])
    assert.ok(!isPassingStatus(status), `${status}`);
});
