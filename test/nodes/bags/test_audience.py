"""When a player begins: subscribers come one after the other, and some never do."""

from world_model_ros.nodes.bags.audience import Audience

S = 10**9


def test_it_begins_when_no_more_subscribers_come() -> None:
    audience = Audience(delay_s=1.0, patience_s=60.0)
    coming = [(0, 0), (5, 0), (6, 1), (6.9, 2), (7.5, 2), (7.8, 2)]
    assert not any(audience.ready(round(at * S), count) for at, count in coming)
    assert audience.ready(round(7.9 * S), 2)
    assert audience.ready(8 * S, 0)  # it does not stop when they leave


def test_it_waits_for_its_patience_only() -> None:
    audience = Audience(delay_s=1.0, patience_s=3.0)
    assert not any(audience.ready(round((100 + at) * S), 0) for at in (0, 1, 2.9))
    assert audience.ready(103 * S, 0)
    impatient = Audience(delay_s=5.0, patience_s=3.0)
    assert not impatient.ready(0, 1)
    assert impatient.ready(3 * S, 1)


def test_nobody_waits_where_nothing_is_to_be_waited_for() -> None:
    assert Audience(delay_s=0.0, patience_s=10.0).ready(0, 1)
    assert Audience(delay_s=1.0, patience_s=0.0).ready(0, 0)
