"""
CivitAI as it answers by its own source (github.com/civitai/civitai, src/pages/api/download/models): programs without a key
get 401, browsers a login page with 200, and who may have the file is sent to a storage that takes no second login.
"""

from __future__ import annotations

import unittest
from unittest import mock

import support  # noqa: F401

import strata_models.access
import strata_models.source
from model_server import File, serving
from strata_models.access import Access
from strata_models.manifest import Model
from test_fetch_models import CONTENT, Fetching

KEY = "civitai-very-secret"
DOWNLOAD = "/api/download/models/1"
HTML = {"Content-Type": "text/html; charset=utf-8"}


class Civitai(Fetching):
    """The server is CivitAI under one of its names, the other one its storage."""

    def setUp(self) -> None:
        super().setUp()
        self.storage = self.enterContext(serving())
        names = ("https://civitai.com", self.server.url)
        for module in (strata_models.access, strata_models.source):
            self.enterContext(mock.patch.object(module, "CIVITAI", names))

    def model(self, download: File) -> Model:
        """A model whose download answers like this."""
        stored = self.serve("/a.bin", File(CONTENT), self.storage)
        self.server.files[DOWNLOAD] = download
        return Model("a.bin", "models/loras", f"{self.server.url}{DOWNLOAD}", stored.size, stored.sha256)

    def page(self) -> File:
        """The login, as often as it is asked for."""
        return File(first=[(200, HTML)] * 20)

    def test_the_key_reaches_civitai_and_never_its_storage(self) -> None:
        model = self.model(File(token=KEY, redirect=f"{self.storage.url}/a.bin?X-Amz-Signature=1"))
        self.assertEqual(self.fetch(model, variables={"CIVITAI_TOKEN": KEY, "HF_TOKEN": "hf_secret"}), [])
        self.assertEqual((self.root / model.path).read_bytes(), CONTENT)
        self.assertEqual({each.authorization for each in self.server.requests}, {f"Bearer {KEY}"})
        self.assertEqual({each.authorization for each in self.storage.requests}, {None})

    def test_without_a_key_and_with_another_one_the_secret_is_named(self) -> None:
        model = self.model(File(token=KEY))
        [problem] = self.fetch(model)
        self.assertRegex(problem, r"models/loras/a\.bin: .*/1 wants a login: give a key .* as the secret CIVITAI_TOKEN")
        [problem] = self.fetch(model, variables={"CIVITAI_TOKEN": "wrong-key"})
        self.assertRegex(problem, r"is not given to the owner of CIVITAI_TOKEN: early access, or downloads")
        self.assertNotIn("wrong-key", problem + self.said.getvalue())
        self.assertNotIn("licence", problem)

    def test_a_login_page_is_not_the_file_and_is_not_fetched(self) -> None:
        model = self.model(File(redirect="/login?reason=download-auth"))
        self.server.files["/login"] = self.page()
        [problem] = self.fetch(model)
        self.assertRegex(problem, r"gives a page, not the file; it wants a login: .* CIVITAI_TOKEN")
        [problem] = self.fetch(model, variables={"CIVITAI_TOKEN": "wrong-key"})
        self.assertRegex(problem, r"gives a page, not the file; it is not given to the owner of CIVITAI_TOKEN")
        self.assertEqual(self.downloads(), [])
        self.assertFalse((self.root / model.path).exists())

    def test_a_page_of_any_host_is_no_file(self) -> None:
        model = self.serve("/a.bin", self.page(), self.storage)
        [problem] = self.fetch(Model("a.bin", model.folder, model.url, len(CONTENT), "0" * 64))
        self.assertRegex(problem, r"gives a page, not the file; refresh the lock of models")

    def test_a_file_that_a_host_calls_a_page_is_known_by_its_size(self) -> None:
        model = self.serve("/a.bin", File(CONTENT, type="text/html"), self.storage)
        self.assertEqual(self.fetch(model), [])


class Names(unittest.TestCase):
    """Who is CivitAI."""

    def test_one_key_is_for_all_of_its_names_and_for_no_others(self) -> None:
        access = Access({"CIVITAI_TOKEN": KEY, "HF_TOKEN": "hf_secret"})
        for name in ("civitai.com", "civitai.green", "civitai.red"):
            self.assertEqual(access.headers(f"https://{name}{DOWNLOAD}"), {"Authorization": f"Bearer {KEY}"})
            for url in (f"http://{name}/x", f"https://cdn.{name}/x", f"https://{name}.example.org/x"):
                self.assertEqual(access.headers(url), {}, url)
