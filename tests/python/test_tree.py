"""Several stages as one file system."""

from __future__ import annotations

from stages import StagesTestCase


class TreeTest(StagesTestCase):
    """Links are followed through all stages."""

    def test_a_link_leads_into_another_stage(self) -> None:
        self.write("system", "/usr/lib/libc.so.6", "c")
        (self.stages / "system/lib").symlink_to("usr/lib")
        (self.stages / "python/opt").mkdir(parents=True)
        (self.stages / "python/opt/relative").symlink_to("../lib/libc.so.6")
        (self.stages / "python/opt/absolute").symlink_to("/lib/libc.so.6")
        tree = self.tree()
        for path in ("/opt/relative", "/opt/absolute", "/lib/libc.so.6", "/opt/../opt/./relative"):
            self.assertEqual(tree.resolve(path), "/usr/lib/libc.so.6", path)
            self.assertEqual(tree.real(path).read_text(), "c")

    def test_links_that_lead_nowhere_or_in_circles(self) -> None:
        (self.stages / "a").mkdir()
        (self.stages / "a/gone").symlink_to("/nowhere")
        (self.stages / "a/circle").symlink_to("/circle")
        for path in ("/gone", "/circle", "/absent"):
            self.assertIsNone(self.tree().real(path))

    def test_all_files_of_all_stages(self) -> None:
        self.write("a", "/opt/x")
        file = self.write("b", "/opt/deep/y")
        file.with_name("link").symlink_to("y")
        self.assertEqual(dict(self.tree().walk("/opt")), {"/opt/x": self.stages / "a/opt/x", "/opt/deep/y": file})
        self.assertEqual([path for path, _ in self.tree().glob("/opt/*")], ["/opt/x", "/opt/deep"])
        self.assertIn("/opt/deep", list(self.tree().folders()))
