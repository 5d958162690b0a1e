import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Action,
  allowing,
  chooseChallenge,
  parseChallenges,
} from "../../../../oci/access/challenges.ts";

test("challenges have quoted and bare values", () => {
  assert.deepEqual(parseChallenges('Bearer realm="https://a/b?c=d,e",service=xyz'), [
    { scheme: "bearer", parameters: { realm: "https://a/b?c=d,e", service: "xyz" } },
  ]);
  assert.deepEqual(parseChallenges(null), []);
});

test("several challenges keep their own values, in one header or in some", () => {
  const bearer = { scheme: "bearer", parameters: { realm: "https://t/", scope: "a b" } };
  const basic = { scheme: "basic", parameters: { realm: 'Sonatype "Nexus", 3' } };
  const written = 'BASIC Realm="Sonatype \\"Nexus\\", 3"';
  for (const [header, expected] of [
    [`Bearer realm="https://t/",scope="a b", ${written}`, [bearer, basic]],
    [`${written}, Bearer realm = "https://t/" , scope="a b"`, [basic, bearer]],
    [`Negotiate, ${written}`, [{ scheme: "negotiate", parameters: {} }, basic]],
    [
      `NTLM,Negotiate ,,${written}`,
      [{ scheme: "ntlm", parameters: {} }, { scheme: "negotiate", parameters: {} }, basic],
    ],
  ] as const)
    assert.deepEqual(parseChallenges(header), expected, header);
  const headers = new Headers([
    ["www-authenticate", 'Bearer realm="https://t/",scope="a b"'],
    ["www-authenticate", written],
  ]);
  assert.deepEqual(parseChallenges(headers.get("www-authenticate")), [bearer, basic]);
});

test("of several challenges the first that can be answered is; else the error is about one that a login answers", () => {
  const [bearer, basic, negotiate] = parseChallenges('Bearer realm="https://t/", Basic realm="r", Negotiate');
  const clear = { scheme: "bearer", parameters: { realm: "http://t.invalid/" } };
  assert.ok(bearer && basic && negotiate);
  const password = { kind: "password", username: "a", password: "b" } as const;
  const identity = { kind: "identity", token: "t" } as const;
  for (const [offered, credentials, expected] of [
    [[bearer, basic], password, bearer],
    [[basic, bearer], password, basic],
    [[basic, bearer], identity, bearer],
    [[basic, bearer], undefined, bearer],
    [[negotiate, basic], password, basic],
    [[negotiate, basic], undefined, basic],
    [[clear, basic], password, basic],
    [[clear], password, clear],
    [[negotiate], password, negotiate],
    [[], password, undefined],
  ] as const)
    assert.equal(chooseChallenge(offered, credentials), expected);
});

test("a challenge begins with its scheme, which may stand alone", () => {
  assert.deepEqual(parseChallenges("  Basic"), [{ scheme: "basic", parameters: {} }]);
  for (const odd of ["", "=x Bearer", "x=y, Bearer"]) assert.deepEqual(parseChallenges(odd), [], odd);
});

test("to write or to remove, that is asked for where the registry does not ask for it itself", () => {
  const scope = (named: string | undefined, action: Action) =>
    allowing({ scheme: "bearer", parameters: named === undefined ? {} : { scope: named } }, "a/b", action)
      .parameters.scope;
  assert.equal(scope(undefined, "push"), "repository:a/b:pull,push");
  assert.equal(scope("repository:a/b:pull", "push"), "repository:a/b:pull,push");
  assert.equal(scope("repository:push:pull", "push"), "repository:a/b:pull,push repository:push:pull");
  assert.equal(scope("repository:a/b:pull,push", "delete"), "repository:a/b:pull,push,delete");
  for (const enough of [
    "repository:a/b:pull,push",
    "repository:a/b:push,pull",
    "repository:a/b:*",
    "repository:c:pull repository:d:push",
  ])
    assert.equal(scope(enough, "push"), enough);
  // distribution asks for this alone: registry/handlers/app.go, appendAccessRecords.
  for (const enough of ["repository:a/b:delete", "repository:a/b:*"])
    assert.equal(scope(enough, "delete"), enough);
});
