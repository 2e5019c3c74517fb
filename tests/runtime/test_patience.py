"""How long to wait before a model is asked again."""

import pytest

from helios_core.errors import ProviderBusy, ProviderFailed, ProviderRefusedKey
from helios_core.runtime.patience import LONGEST_PAUSE_SECONDS, LONGEST_WAIT_SECONDS, pause_after


def test_pauses_grow_up_to_a_limit() -> None:
    pauses = [pause_after(failures) or 0.0 for failures in range(1, 12)]
    assert 0.25 <= pauses[0] <= 0.5
    assert 1.0 <= pauses[2] <= 2.0
    assert all(LONGEST_PAUSE_SECONDS / 2 <= pause <= LONGEST_PAUSE_SECONDS for pause in pauses[5:])


def test_a_provider_that_says_when_to_come_back_is_heeded() -> None:
    assert pause_after(1, ProviderBusy("Busy.", 7.5)) == 7.5
    assert pause_after(9, ProviderBusy("Busy.", 0.0)) == 0.0


def test_one_that_asks_for_too_much_is_not_waited_for() -> None:
    assert pause_after(1, ProviderBusy("Busy.", LONGEST_WAIT_SECONDS + 1)) is None


@pytest.mark.parametrize(("error", "is_worth_it"), [(ProviderFailed(), True), (ProviderRefusedKey(), False)])
def test_only_what_may_pass_is_waited_for(error: ProviderFailed | ProviderRefusedKey, is_worth_it: bool) -> None:
    assert (pause_after(1, error) is not None) == is_worth_it
