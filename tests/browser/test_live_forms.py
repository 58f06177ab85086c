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


class SlowAnswers:
    """Questions of a form, each held back until the test lets it through."""

    def __init__(self, page):
        self.page = page
        self.held = []
        page.route(JUDGED, lambda route: self.held.append(route))

    def asked_by(self, act):
        with self.page.expect_request(JUDGED):
            act()

    def answer(self):
        """Let the oldest through; return once htmx is done with what came back."""
        for _ in range(500):
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
