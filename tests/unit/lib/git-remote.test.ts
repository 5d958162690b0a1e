import assert from "node:assert/strict";
import { test } from "node:test";
import { remoteAddress } from "../../../lib/git-remote.ts";

test("every form of a remote becomes one web address, without credentials", () => {
  for (const remote of [
    "git@example.org:team/strata.git",
    "ssh://git@example.org:22/team/strata.git",
    "https://example.org/team/strata",
    "https://user:secret@example.org/team/strata.git/",
  ]) {
    assert.equal(remoteAddress(remote), "https://example.org/team/strata", remote);
  }
});

test("a folder of this machine is no address", () => {
  for (const remote of ["/srv/git/strata.git", "../strata", "file:///srv/strata", "C:\\strata"]) {
    assert.equal(remoteAddress(remote), null, remote);
  }
});

test("ports of the web stay, those of ssh go; nothing is cut from the middle", () => {
  for (const [remote, address] of [
    ["https://h.org:8443/a/b.git", "https://h.org:8443/a/b"],
    ["http://h.org:3000/a/", "https://h.org:3000/a"],
    ["ssh://git@h.org:2222/a.git", "https://h.org/a"],
    ["git://h.org/a.git", "https://h.org/a"],
    ["h.org:a.git/b", "https://h.org/a.git/b"],
    ["my.name@h.co.uk:a/b", "https://h.co.uk/a/b"],
    ["https://h.org/a.gitx", "https://h.org/a.gitx"],
    ["https://h.org", "https://h.org"],
  ] as const) {
    assert.equal(remoteAddress(remote), address, remote);
  }
  for (const remote of ["ftp://h.org/a", "xhttps://h.org/a", "host:a/b", "", "see https://h.org/a"])
    assert.equal(remoteAddress(remote), null, remote);
});
