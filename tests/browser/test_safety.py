import http.client
from urllib.parse import urlsplit

from playwright.sync_api import expect

from tests.browser.serving import ask

NASTY = (
    "The dragon of Hosk was seen in 1701: *stars*, _lines_, `code`, # head, <script>hacked = "
    "1</script> "
    "<img src=x onerror=hacked=2> <b>bold</b> &amp; $$x^2$$ ${hacked=3} {{constructor}} {{#each "
    "value}}{{this}} "
    "[a](javascript:hacked=4) 'single' \"double\" \u202eright to left\u202c www.example.org."
)
TITLE = "Hosk <img src=x onerror=hacked=5> ${hacked=6} {{7*7}} \"quoted\" 'title'"
ARTICLE = (
    f"{TITLE}\n\nBy Ann <i>Bell</i>\n\n{NASTY}\n\n    indented\ttab\n\n# not a head *or* is "
    "it\n\n- item\n"
)


def test_hostile_text_is_shown_as_it_stands_and_runs_nothing(visit, make_site):
    page = visit(at=make_site({"hosk <b>${1}.txt": ARTICLE}))
    ask(page, "When was the dragon of Hosk seen?")
    assert page.locator(".qa-words").first.evaluate("words => words.textContent") in NASTY
    page.locator(".qa-words").first.click()
    expect(page.locator("#hit")).to_be_focused()
    assert page.locator(".qa-text").evaluate("text => text.textContent") == ARTICLE
    assert page.locator("#source-title").evaluate("title => title.textContent") == TITLE
    assert (
        page.evaluate("document.querySelectorAll('.qa-text :is(script, img, b, i, a)').length") == 0
    )
    page.locator(".qa-toggle").click()
    assert page.locator(".qa-name").evaluate("name => name.textContent") == TITLE
    page.locator(".qa-remove").click()
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_visible()
    assert page.locator(".qa-row-name").first.evaluate("name => name.textContent") == TITLE
    undo.click()
    expect(page.locator(".qa-row").first).to_contain_text("Back again.")
    ask(page, NASTY[:300])
    assert page.locator(".qa-question").last.evaluate("asked => asked.textContent") == NASTY[:300]
    assert page.evaluate("typeof hacked") == "undefined"


def test_endless_lines_and_endless_articles_are_shown_in_windows(visit, make_site):
    # Few different sentences, so that there is little to encode.
    line = (
        "One more of them. " * 20_000
        + "The comet of Tarn was seen in 1802. "
        + "And so on. " * 60_000
    )
    paragraphs = [f"Paragraph {n % 5} tells of pebbles." for n in range(5000)]
    paragraphs[2500] = "The pebble of Ulm was found in 1911."
    page = visit(at=make_site({"pebbles.txt": "Pebbles\n\n" + "\n\n".join(paragraphs)}))
    ask(page, "When was the pebble of Ulm found?")
    page.locator(".qa-words").first.click()
    expect(page.locator("#hit")).to_have_text(paragraphs[2500])
    assert page.locator(".qa-text p").count() < 100
    page.get_by_role("button", name="Show what comes before").click()
    expect(page.locator(".qa-text p").nth(500)).to_be_attached()
    expect(page.locator("#hit")).to_have_text(paragraphs[2500])
    assert len(line) > 900_000
    page = visit(at=make_site({"comet.txt": f"The comet\n\n{line}"}))
    ask(page, "When was the comet of Tarn seen?")
    page.locator(".qa-open:visible").first.click()
    expect(page.locator("#hit")).to_be_focused()
    shown = page.locator(".qa-text").evaluate("text => text.textContent")
    assert shown in f"The comet\n\n{line}"
    assert len(shown) < 60_000


def request(address: str, method: str, path: str, **headers: str) -> tuple[int, dict[str, str]]:
    connection = http.client.HTTPConnection(urlsplit(address).netloc)
    connection.request(method, path, body="{}" if method == "POST" else None, headers=headers)
    reply = connection.getresponse()
    result = reply.status, {name.lower(): value for name, value in reply.getheaders()}
    connection.close()
    return result


def test_the_server_refuses_other_names_and_other_sites(site):
    status, headers = request(site.address, "GET", "/")
    assert status == 200
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert request(site.address, "GET", "/", Host="evil.example")[0] == 400
    path = "/gradio_api/queue/join"
    assert request(site.address, "POST", path, Origin="http://evil.example")[0] == 403
    assert request(site.address, "GET", "/docs")[0] in (404, 307)
    assert request(site.address, "GET", "/gradio_api/file=/etc/passwd")[0] in (403, 404)


def test_user_and_password_are_asked_for(chromium, make_site):
    site = make_site(
        {"bees.txt": "On bees\n\nThe hive was opened on 3 May 1990."}, auth=("ann", "secret")
    )
    context = chromium.new_context()
    page = context.new_page()
    page.goto(site.address)
    page.get_by_label("username").fill("ann")
    page.get_by_label("password").fill("wrong")
    page.get_by_role("button", name="Login").click()
    expect(page.get_by_text("Incorrect Credentials")).to_be_visible()
    page.get_by_label("username").fill("ann")
    page.get_by_label("password").fill("secret")
    page.get_by_role("button", name="Login").click()
    expect(page.locator("#question textarea")).to_be_visible()
    context.close()
