"""The loader's rules on libraries that a compiler made for it, spread over stages."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

from stages import SITE, StagesTestCase, load, optional_libraries

libraries = load("libraries")
PYTHON = "/usr/bin/python3"
C_LIBRARY = "/lib/x86_64-linux-gnu/libc.so.6"


@unittest.skipUnless(shutil.which("gcc") and Path(C_LIBRARY).exists(), "needs gcc and Debian's or Ubuntu's libc")
class LibrariesTest(StagesTestCase):
    """Each test makes a few libraries and says what is wrong with them."""

    def setUp(self) -> None:
        super().setUp()
        for name in ("libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2"):
            self.write("system", f"/lib/x86_64-linux-gnu/{name}", Path(C_LIBRARY).with_name(name).read_bytes())
        self.make(
            "system", PYTHON, "void PyList_New(void) {} int main(void) { return 0; }", "-rdynamic", "-lm", shared=False
        )

    def make(self, stage: str, path: str, source: str = "", *options: str, shared: bool = True) -> Path:
        """Compiles a library or a program; libraries are linked where `-L` and `-l` say, whether they are used or not."""
        file = self.write(stage, path)
        command = ["gcc", "-x", "c", "-", "-x", "none", "-o", str(file), "-Wl,--no-as-needed", *options]
        subprocess.run([*command, *(["-shared", "-fPIC"] if shared else [])], input=source, text=True, check=True)
        return file

    def check(self) -> list[str]:
        """What is wrong below /opt."""
        return self.problems(lambda: libraries.Libraries(self.tree(), SITE, PYTHON).check("/opt"))

    def linked(self, library: Path) -> tuple[str, str]:
        """Options that link to a library."""
        return f"-L{library.parent}", f"-l{library.name.removeprefix('lib').removesuffix('.so')}"

    def test_everything_found(self) -> None:
        inner = self.make("torch", f"{SITE}/torch/lib/libc10.so", "int device(void) { return 0; }")
        source = (
            "int device(void); void PyList_New(void); double cos(double);"
            "double f(double x) { PyList_New(); return device() + cos(x); }"
        )
        self.make("vision", f"{SITE}/torchvision/_C.so", source, *self.linked(inner), "-nostdlib")
        check = libraries.Libraries(self.tree(), SITE, PYTHON).check
        self.assertEqual(check("/opt"), "2 files; 1 of them only once torch or triton is loaded")

    def test_an_interpreter_behind_a_link_that_has_its_library_beside_it(self) -> None:
        own = self.make("cpython", "/opt/python/lib/libpython3.so", "void PyOwn_New(void) {}")
        options = (*self.linked(own), "-Wl,-rpath,$ORIGIN/../lib")
        self.make("cpython", "/opt/python/bin/python3", "int main(void) { return 0; }", *options, shared=False)
        link = self.write("python", "/opt/venv/bin/python3")
        link.unlink()
        link.symlink_to("/opt/python/bin/python3")
        self.make("torch", f"{SITE}/thing/outer.so", "void PyOwn_New(void); void f(void) { PyOwn_New(); }", "-nostdlib")
        check = libraries.Libraries(self.tree(), SITE, "/opt/venv/bin/python3").check
        self.assertEqual(check("/opt"), "3 files; 0 of them only once torch or triton is loaded")

    def test_a_missing_library(self) -> None:
        inner = self.make("a", f"{SITE}/thing/libinner.so", "int device(void) { return 0; }")
        self.make(
            "a", f"{SITE}/thing/outer.so", "int device(void); int f(void) { return device(); }", *self.linked(inner)
        )
        # It lies beside, but nothing tells the loader to look there.
        self.assertEqual(self.check(), [f"{SITE}/thing/outer.so lacks libinner.so"])
        self.make("a", f"{SITE}/thing/outer.so", "", *self.linked(inner), "-Wl,-rpath,$ORIGIN")
        self.assertEqual(self.check(), [])

    def test_a_library_of_another_stage(self) -> None:
        inner = self.make("cuda", f"{SITE}/nvidia/cu13/lib/libcudart.so", "int run(void) { return 0; }")
        path, rpath = f"{SITE}/torch/lib/libtorch.so", "-Wl,-rpath,$ORIGIN/../../nvidia/cu13/lib"
        self.make("torch", path, "int run(void); int f(void) { return run(); }", *self.linked(inner), rpath)
        self.assertEqual(self.check(), [])
        inner.rename(inner.with_name("libcudart.so.12"))
        self.assertEqual(self.check(), [f"{path} lacks libcudart.so"])

    def test_a_library_with_a_runpath_is_on_its_own(self) -> None:
        inner = self.make("a", "/opt/inner/libinner.so", "int inner(void) { return 0; }")
        source = "int inner(void); int middle(void) { return inner(); }"
        outer = ("int middle(void); int f(void) { return middle(); }", "-Wl,--disable-new-dtags")
        paths = "-Wl,-rpath,/opt/inner:/opt/middle"
        middle = self.make("a", "/opt/middle/libmiddle.so", source, *self.linked(inner))
        self.make("a", "/opt/outer.so", *outer, *self.linked(middle), paths)
        self.assertEqual(self.check(), [])
        runpath = ("-Wl,--enable-new-dtags", "-Wl,-rpath,/nowhere")
        self.make("a", "/opt/middle/libmiddle.so", source, *self.linked(inner), *runpath)
        lacks = "libinner.so, which /opt/middle/libmiddle.so needs"
        self.assertEqual(self.check(), ["/opt/middle/libmiddle.so lacks libinner.so", f"/opt/outer.so lacks {lacks}"])

    def test_a_symbol_that_nobody_defines(self) -> None:
        source = "void _ZN3c106deviceEv(void); __attribute__((weak)) void may_be(void); void f(void) { _ZN3c106deviceEv(); may_be(); }"
        self.make("a", f"{SITE}/flash_attn.so", source)
        self.assertEqual(self.check(), [f"{SITE}/flash_attn.so finds no _ZN3c106deviceEv"])

    def test_many_symbols_are_counted(self) -> None:
        calls = [f"s{number}" for number in range(5)]
        source = (
            "".join(f"void {name}(void);" for name in calls)
            + "void f(void) {"
            + "".join(f"{name}();" for name in calls)
        )
        self.make("a", "/opt/a.so", source + "}")
        self.assertEqual(self.check(), ["/opt/a.so finds no s0, s1, s2 and 2 more"])

    def test_a_newer_c_library(self) -> None:
        future = self.stages / "future"
        future.mkdir()
        (future / "map").write_text("GLIBC_9.99 { global: soon; };")
        self.make(
            "future",
            "/libc.so",
            "void soon(void) {}",
            f"-Wl,--version-script={future}/map",
            "-nostdlib",
            "-Wl,-soname,libc.so.6",
        )
        self.make("a", "/opt/a.so", "void soon(void); void f(void) { soon(); }", "-nostdlib", f"{future}/libc.so")
        shutil.rmtree(future)
        found = self.check()
        self.assertEqual(found[0], "/opt/a.so needs GLIBC_9.99, which libc.so.6 does not have")

    def test_libraries_of_a_wheel_find_each_other_through_its_module(self) -> None:
        quad = self.make("a", f"{SITE}/numpy.libs/libquad.so", "int quad(void) { return 0; }")
        fortran = self.make(
            "a",
            f"{SITE}/numpy.libs/libfortran.so",
            "int quad(void); int fortran(void) { return quad(); }",
            *self.linked(quad),
        )
        self.assertEqual(self.check(), [f"{SITE}/numpy.libs/libfortran.so lacks libquad.so"])
        rpath = ("-Wl,--disable-new-dtags", "-Wl,-rpath,$ORIGIN/../numpy.libs")
        self.make(
            "a",
            f"{SITE}/numpy/core.so",
            "int fortran(void); int f(void) { return fortran(); }",
            *self.linked(fortran),
            *rpath,
        )
        self.assertEqual(self.check(), [])
        # A RUNPATH counts for the module alone.
        self.make("a", f"{SITE}/numpy/core.so", "", *self.linked(fortran), "-Wl,--enable-new-dtags", rpath[1])
        self.assertEqual(len(self.check()), 2)

    def test_the_driver_is_not_there(self) -> None:
        driver = self.make("driver", "/libcuda.so", "void cuInit(void) {}", "-Wl,-soname,libcuda.so.1")
        options = [f"-L{driver.parent}", "-lcuda"]
        self.make("a", "/opt/good.so", "void cuInit(void); void f(void) { cuInit(); }", *options)
        self.make(
            "a", "/opt/bad.so", "void cuInit(void); void other(void); void f(void) { cuInit(); other(); }", *options
        )
        shutil.rmtree(self.stages / "driver")
        self.assertEqual(self.check(), ["/opt/bad.so finds no other"])

    def test_what_other_hardware_needs_may_be_missing_where_it_is_listed(self) -> None:
        inner = self.make("a", "/libamdhip64.so", "void hip(void) {}")
        source = "void hip(void); void f(void) { hip(); }"
        self.make("a", f"{SITE}/comfy_kitchen/backends/hip/_C.so", source, *self.linked(inner))
        self.make("a", f"{SITE}/comfy_kitchen/backends/cuda/_C.so", source, *self.linked(inner))
        inner.unlink()
        self.assertEqual(self.check(), [f"{SITE}/comfy_kitchen/backends/cuda/_C.so lacks libamdhip64.so"])

    def test_symbols_that_are_brought_along_where_they_are_listed(self) -> None:
        source = "void Provider_GetHost(void); void f(void) { Provider_GetHost(); }"
        self.make("a", f"{SITE}/onnxruntime/capi/libonnxruntime_providers_cuda.so", source)
        self.make("a", f"{SITE}/other/libonnxruntime_providers_cuda.so", source)
        self.assertEqual(self.check(), [f"{SITE}/other/libonnxruntime_providers_cuda.so finds no Provider_GetHost"])

    def test_a_damaged_file(self) -> None:
        file = self.make("a", "/opt/a.so")
        file.write_bytes(file.read_bytes()[:3000])
        (found,) = self.check()
        self.assertRegex(found, r"^/opt/a\.so is damaged: ")

    def test_what_is_no_library(self) -> None:
        self.write("a", "/opt/script.so", "INPUT(libinner.so)\n")
        self.write("a", "/opt/empty.so")
        self.make("a", "/opt/object.so.o", "void gone(void); void f(void) { gone(); }", "-c", shared=False)
        self.assertEqual(self.check(), [])

    def test_it_agrees_with_the_loader(self) -> None:
        """The same answer as dlopen with all symbols at once, for a module that fails and one that does not."""
        inner = self.make("a", f"{SITE}/libinner.so", "int device(void) { return 0; }")
        good = self.make(
            "a",
            f"{SITE}/good.so",
            "int device(void); int f(void) { return device(); }",
            *self.linked(inner),
            "-Wl,-rpath,$ORIGIN",
        )
        bad = self.make(
            "a",
            f"{SITE}/bad.so",
            "int gone(void); int f(void) { return gone(); }",
            *self.linked(inner),
            "-Wl,-rpath,$ORIGIN",
        )
        ctypes.CDLL(str(good), mode=2)
        self.assertRaisesRegex(OSError, "undefined symbol: gone", ctypes.CDLL, str(bad), 2)
        self.assertEqual(self.check(), [f"{SITE}/bad.so finds no gone"])


class OptionalTest(unittest.TestCase):
    """The list that the smoke test shares."""

    def test_every_rule_is_for_certain_files(self) -> None:
        for table in (optional_libraries.OPTIONAL, optional_libraries.BROUGHT_ALONG):
            for files, names in table.items():
                self.assertRegex(files, r"^\w+/", "names a package")
                self.assertNotIn("*", names.split(), "excuses everything")


if __name__ == "__main__":
    sys.exit(unittest.main())
