"""The sliding window, by itself: never more than it allows, whoever asks and whenever."""

from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from mailer.sending.windows import PARTS, Taken, Window, add_taken, count_free, free_again

START = datetime(2026, 11, 23, 15, tzinfo=UTC)
WINDOWS = st.builds(
    lambda mails, seconds, share, has_burst: Window(mails, seconds, mails * share // 100, has_burst * -(-mails // 4)),
    st.integers(1, 500),
    st.sampled_from([1, 60, 3_600, 86_400]),
    st.integers(0, 90),
    st.booleans(),
)
#: How long after the one before, in windows; how many are asked for; and whether they are single mails.
ASKING = st.lists(st.tuples(st.floats(0, 1.5), st.integers(1, 600), st.booleans()), max_size=60)


def take_all(window: Window, asking: list[tuple[float, int, bool]]) -> list[tuple[datetime, int, bool]]:
    """Who asks takes what is free. Returns what was taken when."""
    taken: Taken = {}
    now, went = START, []
    for pause, wanted, is_single in asking:
        now += timedelta(seconds=pause * window.seconds)
        mails = min(wanted, count_free(window, taken, is_single, now))
        taken = add_taken(window, taken, mails, is_single, now)
        went.append((now, mails, is_single))
        assert len(taken) <= PARTS + 2
    return went


@given(WINDOWS, ASKING)
def test_no_span_of_the_windows_length_has_more_mails_than_it_allows(window: Window, asking):
    went = take_all(window, asking)
    for since, _, _ in went:
        within = [entry for entry in went if since <= entry[0] < since + timedelta(seconds=window.seconds)]
        assert sum(mails for _, mails, _ in within) <= window.mails
        to_lists = sum(mails for _, mails, is_single in within if not is_single)
        assert to_lists <= window.mails - window.kept
        quarter = [mails for at, mails, _ in within if at < since + timedelta(seconds=window.seconds / 4)]
        assert sum(quarter) <= (window.burst or window.mails)


@given(WINDOWS, ASKING, st.booleans())
@example(Window(1, 1), [(0.99999, 1, False)], False)
def test_what_is_full_is_free_again_at_the_time_that_it_names_and_no_later_than_a_window_and_a_part(
    window: Window, asking, is_single: bool
):
    taken: Taken = {}
    for now, mails, single in take_all(window, asking):
        taken = add_taken(window, taken, mails, single, now)
    now = START if not asking else now
    again = free_again(window, taken, is_single, now)
    assert count_free(window, taken, is_single, again + timedelta(milliseconds=1)) > 0
    assert again <= now + timedelta(seconds=window.seconds * (PARTS + 1) / PARTS)
    assert again == now or not count_free(window, taken, is_single, again - timedelta(seconds=window.seconds / PARTS))


def test_a_host_whose_clock_is_behind_counts_what_another_took_and_takes_no_more():
    window = Window(10, 1)
    taken = add_taken(window, {}, 10, is_single=False, now=START + timedelta(seconds=5))
    assert count_free(window, taken, is_single=False, now=START) == 0


def test_what_a_clock_took_that_was_a_day_ahead_is_not_counted_for_a_day():
    window = Window(10, 1)
    taken = add_taken(window, {}, 10, is_single=False, now=START + timedelta(days=1))
    assert count_free(window, taken, is_single=False, now=START) == 10
