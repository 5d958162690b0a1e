import assert from "node:assert/strict";
import { test } from "node:test";
import { isForImages, markerOf } from "../../../../lib/locks/marker.ts";

const wheel = "https://example.com/insightface-0.7.3-cp311-cp311-win_amd64.whl";

test("the marker of a name, of an address and of nothing", () => {
  assert.equal(markerOf("six"), "");
  assert.equal(markerOf("six>=1;sys_platform=='win32'"), "sys_platform=='win32'");
  assert.equal(markerOf(`${wheel}; os_name == "nt"`), 'os_name == "nt"');
  assert.equal(markerOf(`x @ ${wheel} ;os_name == "nt"`), 'os_name == "nt"');
  // Here it is a part of the address.
  assert.equal(markerOf("https://example.com/a;b.whl"), "");
  assert.equal(markerOf("./a ; os_name == 'nt'"), "os_name == 'nt'");
});

const counts: Readonly<Record<string, boolean>> = {
  "sys_platform == 'win32'": false,
  "sys_platform=='linux'": true,
  "sys_platform != 'darwin'": true,
  "'win' in sys_platform": false,
  "sys_platform in 'linux darwin'": true,
  "sys_platform not in 'linux darwin'": false,
  "'linux' == sys_platform": true,
  "os.name == 'nt'": false,
  "platform_system == 'Windows' or platform_system == 'Darwin'": false,
  "platform_machine == 'aarch64'": false,
  "platform_machine == 'x86_64' and sys_platform == 'linux'": true,
  "python_version == '3.10'": false,
  "python_version == '3.12'": true,
  "python_version == '3.12.*'": true,
  "python_version < '3.9'": false,
  "'3.9' > python_version": false,
  "'3.11' <= python_version": true,
  "python_version >= '3.8' and python_version < '3.11'": false,
  "python_full_version < '3.11.4'": true,
  "python_version in '3.8 3.9'": false,
  "python_version ~= '3.10'": true,
  "implementation_name == 'pypy'": false,
  "extra == 'dev'": false,
  "(sys_platform == 'win32' or python_version == '3.12') and os_name == 'posix'": true,
  "sys_platform == 'win32' or python_version == '3.12' and os_name == 'nt'": false,
  // No image has both: one Python at a time.
  "python_version == '3.11' and python_version == '3.12'": false,
  // Not known here, or not understood: it counts.
  "platform_release >= '5'": true,
  "platform_system == 'Windows' and": true,
  "(sys_platform == 'win32'": true,
  "sys_platform == 'win32' sys_platform": true,
  "sys_platform = 'win32'": true,
  "'a' 'b' 'c'": true,
};

test("a line counts where an image's machine fits its marker, or the marker says nothing", () => {
  for (const [marker, expected] of Object.entries(counts)) {
    assert.equal(isForImages(`six ; ${marker}`), expected, marker);
    assert.equal(isForImages(`${wheel} ; ${marker}`), expected, marker);
  }
  assert.equal(isForImages("six"), true);
});
