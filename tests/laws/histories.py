"""Handmade stories of a mine as the laws see it: samples of the truth every ten seconds, and ticks beside them."""

from mine_controller.play.outcomes import History, Sample, Ticked

FULL_W, DARK_W, N = 81_600.0, 600.0, 24


def sample(at_s, watts=FULL_W, **about):
    on = round(watts / 3400)
    base = Sample(at_s, miners_w=watts, total_w=watts + 13_500, on_n=on, starts=(0,) * N, permitted_w=FULL_W)
    return base._replace(**about)


def story(*parts):
    """Samples every ten seconds: parts are (seconds, watts, what else is true)."""
    out, at = [], 0.0
    for seconds, watts, about in parts:
        for _ in range(int(seconds // 10)):
            out.append(sample(at, watts, **about))
            at += 10
    return tuple(out)


def history(samples, *ticks, **about):
    made = ticks or tuple(Ticked(at, at + 20) for at in range(0, int(samples[-1].at_s), 120))
    return History(tuple(samples), tuple(made))._replace(**about)


def rows(samples, **columns):
    """The samples with columns that are functions of the time."""
    return tuple(one._replace(**{name: value(one.at_s) for name, value in columns.items()}) for one in samples)


def ticks(mode, count=12, **about):
    return tuple(Ticked(120.0 * n, 120.0 * n + 20, mode)._replace(**about) for n in range(count))
