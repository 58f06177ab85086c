"""Forms that are judged while they are filled in, by somebody faster than the lab."""

import re

from playwright.sync_api import expect

QUESTION = {
    "name": "Typed fast",
    "model_key": "sma_cross",
    "params": {"fast": 20, "slow": 100},
    "universe": ["SP500"],
}
JUDGED = re.compile(r"validate=1")


SENT = re.compile(r"/model-lab/new$")


class SlowAnswers:
    """Questions of a form, each held back until the test lets it through."""

    def __init__(self, page, asked=JUDGED):
        self.page = page
        self.asked = asked
        self.held = []
        page.route(asked, lambda route: self.held.append(route))

    def asked_by(self, act):
        with self.page.expect_request(self.asked):
            act()

    def answer(self):
        """Let the oldest through; return once htmx is done with what came back."""
        for _ in range(3_000):
            if self.held:
                break
            self.page.wait_for_timeout(10)
        self.page.evaluate(
            "() => { window.used = new Promise((done) => document.addEventListener("
            "'htmx:afterRequest', () => setTimeout(done, 50), { once: true })); }"
        )
        self.held.pop(0).continue_()
        self.page.evaluate("window.used")


def test_what_is_typed_while_an_answer_is_under_way_stays(watch):
    lab = watch()
    experiment = lab.api("/api/model-lab/experiments", QUESTION)
    page = lab.open(f"{experiment['links']['page']}/sweep")
    slow, keys = SlowAnswers(page), page.keyboard
    plan, step, listed = (
        page.locator(f"#{one}") for one in ("plan", "id_step_fast", "id_list_fast")
    )
    step.fill("0")
    slow.asked_by(lambda: keys.press("Tab"))
    keys.type("5, 1")
    slow.answer()
    expect(page.locator("#id_from_fast")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#id_from_fast_error")).to_contain_text("steps of 0")
    keys.type("0")
    expect(listed).to_be_focused()
    expect(listed).to_have_value("5, 10")
    slow.asked_by(lambda: keys.press("Tab"))
    page.locator("#id_constraints").click()
    keys.type("2 * fast")
    slow.answer()
    expect(plan).to_contain_text("22 backtests")
    expect(page.locator(".field-error")).to_have_count(0)
    keys.type(" < slow")
    expect(page.locator("#id_constraints")).to_have_value("2 * fast < slow")
    expect(step).to_have_value("0")

    # Other fields arrive: what was entered meanwhile is put into them.
    page = lab.open("/backtesting")
    slow.asked_by(lambda: page.locator("#id_strategy").select_option("rsi_reversion"))
    page.locator("#id_commission_bps").fill("")
    keys.type("1")
    slow.asked_by(slow.answer)  # and what was put into them is judged
    expect(page.locator("#id_param_fast")).to_have_count(0)
    expect(page.locator("#id_commission_bps")).to_be_focused()
    slow.answer()
    keys.type("2")
    expect(page.locator("#id_commission_bps")).to_have_value("12")
    slow.asked_by(lambda: keys.press("Tab"))
    keys.type("7")
    slow.answer()
    keys.type("5")
    expect(page.locator("*:focus")).to_have_value(re.compile("75$"))


def test_who_sends_a_form_off_is_answered_for_that(watch):
    lab = watch()
    lab.expected = ("422",)
    page = lab.open("/model-lab/new")
    slow = SlowAnswers(page)
    name, fast = page.locator("#id_name"), page.locator("#id_param_fast")
    mistake, summary = (
        page.locator("#id_param_fast_error"),
        page.locator(".error-summary"),
    )
    send = page.get_by_role("button", name="Create the experiment")

    # What was asked before comes late: it says nothing any more, nor is it asked again.
    name.fill("The fast one is slower")
    slow.asked_by(lambda: fast.fill("80"))
    send.click()
    expect(summary).to_be_focused()
    slow.answer()
    expect(summary).to_be_focused()
    expect(mistake).to_contain_text("fast < slow")
    assert slow.held == []

    # What is typed while the form is under way stays, and is judged after it.
    sent = SlowAnswers(page, SENT)
    sent.asked_by(send.click)
    fast.fill("8")
    fast.press("Tab")
    page.keyboard.type("60")
    slow.asked_by(sent.answer)
    slow.answer()
    expect(mistake).to_have_count(0)
    expect(fast).to_have_value("8")
    expect(page.locator("#id_param_slow")).to_have_value("60")


def test_nothing_moves_under_a_pressed_mouse(watch):
    lab = watch()
    lab.expected = ("422",)
    page = lab.open("/model-lab/new")
    slow, mouse = SlowAnswers(page), page.mouse
    mistake = page.locator("#id_param_fast_error")
    send = page.get_by_role("button", name="Create the experiment")
    page.locator("#id_name").fill("Pressed for long")
    slow.asked_by(lambda: page.locator("#id_param_fast").fill("80"))
    slow.answer()
    send.hover()
    place = send.bounding_box()

    # Let go elsewhere: nothing was sent, and the question is asked again.
    slow.asked_by(mouse.down)
    slow.answer()
    expect(mistake).to_have_count(0)
    assert send.bounding_box() == place
    page.mouse.move(0, 0)
    slow.asked_by(mouse.up)
    slow.answer()
    expect(mistake).to_contain_text("fast < slow")

    # Let go where it was pressed: a click, whatever comes meanwhile.
    page.locator("#id_param_fast").fill("90")
    send.hover()
    slow.asked_by(mouse.down)
    slow.answer()
    mouse.up()
    expect(page.locator(".error-summary")).to_be_focused()
    assert slow.held == []


def test_folds_stay_open_when_other_fields_arrive(watch):
    page = watch().open("/backtesting")
    slow = SlowAnswers(page)
    fold = page.locator("#run-form details:not([open])").first
    slow.asked_by(lambda: page.locator("#id_strategy").select_option("rsi_reversion"))
    title = fold.locator("summary").inner_text()
    fold.locator("summary").click()
    slow.answer()

    expect(page.locator("#id_param_fast")).to_have_count(0)
    assert page.locator("details[open] > summary", has_text=title).is_visible()
