"""Requirements, on stages made for it."""

from __future__ import annotations

from stages import StagesTestCase, load

requirements = load("requirements")
COMFYUI = """comfyui-frontend-package==1.27.10
comfyui-workflow-templates==0.1.95

#non essential dependencies:
--extra-index-url https://example.org
requests # for nodes
"""


def exceptions(*keys: tuple[str, str]) -> list[object]:
    """Exceptions of the lock."""
    return [requirements.Allowed(name, text, "a reason") for name, text in keys]


class RequirementsTest(StagesTestCase):
    """What distributions ask for."""

    def check(self, *allowed: tuple[str, str]) -> list[str]:
        return self.problems(lambda: requirements.check_requirements(self.installed(), exceptions(*allowed)))

    def test_requirements_that_are_met_or_do_not_apply(self) -> None:
        self.install("a", "A.b", requires='C_d>=1\nelse; python_version < "3"\nmore; extra == "dev"')
        self.install("b", "c-d", "1.0rc1")
        self.install("b", "e", requires="c-d>=1.0rc0")
        self.assertEqual(self.check(("nobody", "x")), ["a-b needs C_d>=1, but 1.0rc1 is there"])
        self.install("b", "c-d", "1.2")
        self.assertEqual(self.check(), [])

    def test_requirements_that_are_not_met(self) -> None:
        self.install("a", "node", requires="torch<2\ndlib")
        self.install("b", "torch", "2.12.0+cu130")
        self.assertEqual(
            self.check(), ["node needs torch<2, but 2.12.0+cu130 is there", "node needs dlib, which is not there"]
        )

    def test_an_exception_holds_for_one_requirement(self) -> None:
        self.install("a", "Node", requires="torch<2\ndlib")
        self.install("b", "torch", "2.12.0")
        self.assertEqual(self.check(("node", "torch<2")), ["node needs dlib, which is not there"])
        self.assertEqual(self.check(("node", "torch<2"), ("node", "dlib")), [])

    def test_an_exception_that_nobody_needs(self) -> None:
        self.install("a", "node", requires="torch>2")
        self.install("b", "torch", "2.12.0")
        problem = "node torch>2: is met or gone, so it needs no exception"
        self.assertEqual(self.check(("node", "torch>2"), ("other", "x")), [problem])

    def test_exceptions_are_json(self) -> None:
        text = '[{"distribution": "a", "requirement": "b<2", "reason": "c"}]'
        self.assertEqual(requirements.read_allowed(text), [requirements.Allowed("a", "b<2", "c")])


class ComfyUITest(StagesTestCase):
    """What ComfyUI asks for: without its own frontend and templates it starts with an interface of another version."""

    def check(self) -> list[str]:
        return self.problems(lambda: requirements.check_comfyui(COMFYUI, self.installed(), []))

    def test_the_versions_that_it_names(self) -> None:
        for name, version in {
            "comfyui-frontend-package": "1.27.10",
            "comfyui_workflow_templates": "0.1.95",
            "requests": "2.0",
        }.items():
            self.install("a", name, version)
        self.assertEqual(self.check(), [])

    def test_other_versions(self) -> None:
        self.install("a", "comfyui-frontend-package", "1.27.9")
        self.install("a", "requests", "2.0")
        self.assertEqual(
            self.check(),
            [
                "ComfyUI needs comfyui-frontend-package==1.27.10, but 1.27.9 is there",
                "ComfyUI needs comfyui-workflow-templates==0.1.95, which is not there",
            ],
        )
