"""The pages in a browser: what JavaScript adds, the keyboard, a phone, darkness."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reports.browser import started

from gallery.people import crop_of, image_of
from gallery.web.conftest import TOKEN, png
from rga.gallery.gallery import Gallery
from rga.gallery.web.guard.token import Token

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser for all tests of this file."""
    yield from started()


@pytest.fixture
def page(chromium: Any, serve: Callable[..., str]) -> Iterator[Open]:
    """Opens a page of a gallery; errors of scripts, and what the policy forbids, make the test fail."""
    complaints: list[str] = []
    contexts: list[Any] = []

    def opened(gallery: Gallery, path: str = "/search", *, served: dict[str, Any] | None = None, **options: Any) -> Any:
        contexts.append(chromium.new_context(base_url=serve(gallery, **(served or {})), **options))
        found = contexts[-1].new_page()
        found.set_default_timeout(20_000)
        found.on("pageerror", lambda error: complaints.append(str(error)))
        found.on("console", lambda said: None if "Failed to load resource" in said.text else complaints.append(said.text))
        found.goto(path)
        return found

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def upload(page: Any, *images: Any) -> None:
    """Chooses files, which are sent at once."""
    sent = [{"name": f"{number}.png", "mimeType": "image/png", "buffer": png(image)} for number, image in enumerate(images)]
    page.set_input_files("input[type=file]", sent)


def search(page: Any, *images: Any) -> None:
    upload(page, *images)
    page.wait_for_url("**/search?q=*")


def names(page: Any) -> list[str]:
    found: list[str] = page.locator(".cards h3").all_inner_texts()
    return found


def test_search_filter_and_judge(page: Open, people: Gallery) -> None:
    opened = page(people)
    search(opened, image_of(4, 99))
    assert opened.locator("h1").inner_text() == "Match: p004"
    assert names(opened)[0] == "p004"
    opened.evaluate("window.kept = true")
    opened.get_by_label("c1").check()
    opened.get_by_role("button", name="Apply").click()
    opened.wait_for_url("**camera=c1*")
    assert set(re.findall(r"c\d", " ".join(opened.locator(".cards .meta").all_inner_texts()))) == {"c1"}
    assert opened.evaluate("document.activeElement.id") == "apply"  # the focus stays where it was
    opened.get_by_role("button", name="Different person").first.click()
    opened.get_by_text("It will not be suggested again.").first.wait_for()
    assert "p004" not in names(opened)
    opened.wait_for_function("document.getElementById('live-region').textContent.includes('not be suggested')")
    assert opened.evaluate("document.activeElement.id") == "undo"  # what had the focus is gone: what undoes it has
    opened.keyboard.press("Enter")
    opened.get_by_text("Undone.").first.wait_for()
    assert names(opened)[0] == "p004"
    assert opened.evaluate("window.kept") is True  # all of it in one page


def test_more_like_these(page: Open, people: Gallery) -> None:
    opened = page(people)
    search(opened, image_of(4, 99))
    opened.locator(".card").nth(1).locator("summary").click()
    opened.locator(".card").nth(1).get_by_text("Not like this").click()
    opened.wait_for_url("**unlike=*")
    opened.get_by_text("not like this", exact=True).wait_for()
    opened.get_by_role("link", name="Remove this counterexample").click()
    opened.wait_for_url(lambda url: "unlike" not in url)


def test_images_are_dropped_and_pasted(page: Open, people: Gallery) -> None:
    opened = page(people)
    give = """([kind, text]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([Uint8Array.from(atob(text), (each) => each.charCodeAt(0))], "a.png", {type: "image/png"}));
      const event = kind === "paste"
        ? new ClipboardEvent("paste", {clipboardData: transfer, bubbles: true, cancelable: true})
        : new DragEvent("drop", {dataTransfer: transfer, bubbles: true, cancelable: true});
      document.body.dispatchEvent(event);
    }"""
    for kind, person in (("paste", 2), ("drop", 3)):
        opened.goto("/search")
        opened.evaluate(give, [kind, base64.b64encode(png(image_of(person, 99))).decode()])
        opened.wait_for_url("**/search?q=*")
        assert opened.locator("h1").inner_text() == f"Match: p00{person}"


def test_a_box_by_pointer_and_by_keyboard(page: Open, people: Gallery) -> None:
    frame = np.full((300, 400, 3), 127, np.uint8)
    frame[100:160, 200:240] = np.repeat(np.repeat(image_of(3, 99), 10, 0), 10, 1)
    opened = page(people, viewport={"width": 1000, "height": 900})
    upload(opened, frame)
    opened.wait_for_url("**/box/*")

    def numbers() -> list[int]:
        return [int(opened.locator(f"input[name={name}]").input_value()) for name in ("left", "top", "width", "height")]

    area = opened.locator("[data-frame]").bounding_box()
    scale = area["width"] / 400
    opened.mouse.move(area["x"] + 20 * scale, area["y"] + 30 * scale)
    opened.mouse.down()
    opened.mouse.move(area["x"] + 60 * scale, area["y"] + 130 * scale, steps=4)
    opened.mouse.up()
    assert numbers() == pytest.approx([20, 30, 40, 100], abs=2)
    opened.locator("#box").focus()
    before = numbers()
    for key in ("ArrowRight", "Control+ArrowDown", "Shift+ArrowUp", "Shift+ArrowRight"):
        opened.keyboard.press(key)
    assert numbers() == [before[0] + 1, before[1] + 20, before[2] + 1, before[3] - 1]
    assert f"left {before[0] + 1}" in opened.locator("#box").get_attribute("aria-label")
    for name, value in {"left": "200", "top": "100", "width": "40", "height": "60"}.items():
        opened.locator(f"input[name={name}]").fill(value)
    shown = opened.locator("#box").bounding_box()
    assert (shown["x"] - area["x"]) / scale == pytest.approx(200, abs=1)
    opened.get_by_role("button", name="Search for this person").click()
    opened.wait_for_url("**/search?q=*")
    crop = opened.locator(".strip img")
    loaded = crop.evaluate("image => image.decode().then(() => [image.naturalWidth, image.naturalHeight])")
    assert loaded == [40, 60]


def test_merge_and_delete(page: Open, people: Gallery) -> None:
    opened = page(people, "/people")
    for name in ("p001", "p002"):
        opened.get_by_label(f"choose {name}").check()
    opened.get_by_role("button", name="Merge the chosen").click()
    opened.get_by_text("Merged: they are one person now.").wait_for()
    assert people.find("p001").sightings == 6
    opened.get_by_role("link", name="Delete").click()
    opened.get_by_role("button", name="Delete for good").click()
    opened.get_by_role("heading", name="Removed, ").wait_for()
    assert opened.locator("h1").inner_text() == "Removed, and nothing is left", opened.locator(".facts").inner_text()
    assert people.stats().sightings == 12


def test_a_wrong_file_and_an_empty_gallery(page: Open, gallery: Gallery) -> None:
    opened = page(gallery)
    opened.get_by_text("This gallery is empty.").wait_for()
    opened.set_input_files("input[type=file]", [{"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no image"}])
    assert "no image that can be read here: notes.txt" in opened.get_by_role("alert").inner_text()
    search(opened, image_of(1))
    opened.get_by_text("The gallery holds nothing to compare with.").wait_for()


def test_by_keyboard_alone(page: Open, people: Gallery) -> None:
    opened = page(people, "/people")
    opened.keyboard.press("Tab")
    assert opened.evaluate("document.activeElement.textContent") == "Skip to the content"
    opened.keyboard.press("Enter")
    seen = set()
    for _ in range(60):
        opened.keyboard.press("Tab")
        seen.add(opened.evaluate("document.activeElement.name || document.activeElement.textContent.trim()"))
        outline = opened.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none" or opened.evaluate("document.activeElement.tagName") == "BODY"
    assert {"part", "Find", "person", "Merge the chosen"} <= seen


def test_without_javascript(page: Open, people: Gallery) -> None:
    opened = page(people, java_script_enabled=False)
    upload(opened, image_of(4, 99))
    opened.get_by_role("button", name="Search", exact=True).click()
    assert opened.locator("h1").inner_text() == "Match: p004"
    opened.get_by_role("button", name="Different person").first.click()
    opened.get_by_text("It will not be suggested again.").wait_for()
    opened.get_by_role("button", name="Undo").click()
    assert names(opened)[0] == "p004"


def test_on_a_phone_and_in_the_dark(page: Open, people: Gallery) -> None:
    opened = page(people, viewport={"width": 390, "height": 844}, color_scheme="dark")
    search(opened, image_of(4, 99))
    person = people.find("p001").id
    for path in (None, "/search", "/people", f"/people/{person}", f"/people/{person}/delete", "/add", "/statistics", "/changes"):
        if path is not None:
            opened.goto(path)
        assert opened.evaluate("document.documentElement.scrollWidth") <= 390, path
        low = opened.evaluate(CONTRAST)
        assert low == [], path
    heights = opened.evaluate("Array.from(document.querySelectorAll('button'), (each) => each.getBoundingClientRect().height)")
    assert all(height >= 40 for height in heights)


CONTRAST = """() => {
  const parts = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const color = parts(getComputedStyle(each).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  return Array.from(document.querySelectorAll("h1, h2, h3, p, a, button, label, dt, dd, li > span, .badge, .number"))
    .filter((each) => each.innerText?.trim() && each.getBoundingClientRect().width > 1)
    .map((each) => {
      const [a, b] = [light(parts(getComputedStyle(each).color)), light(ground(each))].sort((x, y) => y - x);
      return [each.className || each.tagName, (a + 0.05) / (b + 0.05)];
    })
    .filter(([, ratio]) => ratio < 4.5);
}"""
"""Texts whose contrast is below 4.5 to 1, the least of WCAG 2.1 AA."""


def test_tall_images_are_not_cropped(page: Open, people: Gallery) -> None:
    opened = page(people)
    search(opened, image_of(4, 99))
    for box in opened.locator(".card .tall").all():
        area = box.bounding_box()
        assert area["height"] / area["width"] == pytest.approx(2, abs=0.02)
    assert opened.locator(".card .tall img").first.evaluate("image => getComputedStyle(image).objectFit") == "contain"


def test_new_matches_appear(page: Open, people: Gallery) -> None:
    opened = page(people, "/live")
    opened.get_by_text("Connected: waiting for new sightings.").wait_for()
    people.add([crop_of(2, 50, named=False)])
    opened.locator("#matches .name", has_text="p002").wait_for()
    opened.goto("/search")


def test_a_stream_that_is_refused_is_tried_again_or_asks_for_the_token(page: Open, people: Gallery) -> None:
    opened = page(people)
    opened.route("**/api/events*", lambda route: route.fulfill(status=429))
    opened.goto("/live")
    opened.get_by_text("takes no more listeners for the moment. Trying again").wait_for()
    opened.unroute("**/api/events*")
    opened.get_by_text("Connected: waiting for new sightings.").wait_for()
    opened.route("**/api/**", lambda route: route.fulfill(status=401))
    opened.goto("/live")
    opened.get_by_role("link", name="Log in again").wait_for()
    assert "You are logged out" in opened.locator("#state").inner_text()
    opened.goto("/search")


def test_the_token_is_shown_once(page: Open, people: Gallery, tmp_path: Path) -> None:
    opened = page(people, "/people?part=p001", served={"token": Token(TOKEN)})
    opened.get_by_label("Token").fill(TOKEN)
    opened.get_by_role("button", name="Log in").click()
    opened.wait_for_url("**/people?part=p001")
    assert opened.locator(".card .name").all_inner_texts() == ["p001"]
    opened.locator(".card img").first.evaluate("image => image.decode()")  # it loads, and is an image
    assert opened.evaluate("document.cookie") == ""
    opened.get_by_role("button", name="Log out").click()
    opened.wait_for_url("**/login")
