"""A goal is asked, pursued, and ends exactly once, for the reason that is stated."""

from __future__ import annotations

import json

import numpy as np
import pytest
from ticks import NEAR, TICK_NS, Run, away, id_of, pose, request, wish

from world_model_ros.core.goals.goal import Goal
from world_model_ros.goals.life.asked_types import Cancel, Refusal, asked_from_json, asked_json, plain_id
from world_model_ros.goals.life.goal_json import ended_words, feedback_json, result_json
from world_model_ros.goals.life.life import QUEUE, STUCK_S, Life
from world_model_ros.goals.life.watch import Seen

FAR, THERE = away(0.1), away(0.001)


def test_a_goal_is_reached_once_it_was_within_its_tolerance_for_so_long_and_is_kept_up_until_another_comes():
    run = Run(hold_s=0.3)
    run.tick(FAR, request(1))
    assert [run.tick(THERE) for _ in range(2)] == [[], []]
    (result,) = run.tick(THERE)
    assert (result.id, result.status, result.reason) == (id_of(1), "succeeded", "reached")
    assert result.elapsed_ns == 0.3 * 10**9
    assert run.life.goal_id == id_of(1)
    assert run.tick(away(0.05)) == []
    assert run.life.goal is not None
    run.tick(FAR, request(2))
    assert run.life.goal_id == id_of(2)
    assert len(run.ended) == 1


def test_noise_at_the_edge_of_the_tolerance_does_not_keep_it_from_being_reached():
    run = Run(hold_s=0.5)
    run.tick(FAR, request(1))
    for count in range(100):
        if run.tick(THERE if count % 3 else away(1.1 * NEAR)):
            break
    assert [each.reason for each in run.ended] == ["reached"]


def test_steps_follow_one_another_each_with_a_stamp_of_its_own():
    run = Run(hold_s=0.0)
    run.tick(THERE, request(1, 0.1, 0.2, 0.3), passed_ns=0)
    stamps = [run.life.goal.stamp_ns]
    assert float(run.life.goal.pose[0]) == pytest.approx(0.2)
    run.tick(THERE, passed_ns=0)
    stamps.append(run.life.goal.stamp_ns)
    assert stamps[0] < stamps[1]
    assert run.ended == []
    (result,) = run.tick(THERE)
    assert (result.step, result.steps, result.reason) == (2, 3, "reached")


def test_time_is_that_of_ticks_and_a_clock_that_jumps_back_takes_none_of_it():
    run = Run(timeout_s=1.0)
    run.tick(FAR, request(1))
    run.tick(FAR, passed_ns=-500 * 10**9)
    run.tick(FAR, passed_ns=900_000_000)
    assert run.ended == []
    (result,) = run.tick(FAR)
    assert (result.status, result.reason) == ("aborted", "timeout")
    assert result.elapsed_ns == 1.0 * 10**9
    assert run.life.goal is None


def test_a_request_says_its_own_time_and_what_waits_does_not_spend_it():
    run = Run(timeout_s=1.0)
    run.tick(FAR, request(1, timeout_s=2.0), request(2, queue=True, timeout_s=0.5))
    assert run.until_over(FAR).id == id_of(1)
    assert run.ended[0].elapsed_ns == 2.0 * 10**9
    assert run.until_over(FAR).elapsed_ns == 0.5 * 10**9


def test_a_plain_goal_never_ends_by_itself_unless_the_contract_says_so():
    run = Run()
    run.tick(FAR, wish(1))
    for _ in range(5000):
        assert run.tick(FAR) == []
    run = Run(stuck_s=4.0)
    run.tick(FAR, wish(1))
    result = run.until_over(FAR)
    assert (result.reason, result.elapsed_ns) == ("stuck", 4 * 10**9)


@pytest.mark.parametrize(
    ("seen", "reason", "words"),
    [
        (FAR, "stuck", "no nearer for 30.0 s, and nothing moved"),
        (away(0.1, moves=True), "stuck", "no nearer for 30.0 s"),
        (Seen("never seen: object_0"), "impossible", "never seen: object_0"),
        (Seen("error"), "impossible", "error"),
        (away(0.1, rule="velocity"), "refused", "velocity"),
    ],
)
def test_what_comes_no_nearer_is_stuck_and_it_is_said_why(seen: Seen, reason: str, words: str):
    run = Run()
    run.tick(seen, request(1))
    result = run.until_over(seen)
    assert (result.status, result.reason) == ("aborted", reason)
    assert words in result.why
    assert ("is the gate armed?" in result.why) == (words.endswith("moved"))
    assert result.rule == seen.rule
    assert result.elapsed_ns == STUCK_S * 10**9


def test_progress_by_a_tolerance_is_progress_and_less_is_not():
    run = Run(stuck_s=1.0)
    run.tick(FAR, request(1))
    for count in range(20):
        assert run.tick(away(0.1 - 1.01 * NEAR * (count + 1))) == []
    crawls = Run(stuck_s=1.0)
    crawls.tick(FAR, request(1))
    for count in range(9):
        assert crawls.tick(away(0.1 - 0.1 * NEAR * (count + 1))) == []
    assert [each.reason for each in crawls.tick(away(0.1 - NEAR * 0.99))] == ["stuck"]


def test_a_picture_that_is_about_two_things_in_turn_for_ever_is_stuck():
    run = Run(stuck_s=2.0)
    run.tick(FAR, request(1))
    for count in range(60):
        if run.tick(away(0.1, "object_0" if count % 2 else "fingertip")):
            break
    assert [each.reason for each in run.ended] == ["stuck"]


def test_a_belief_that_is_started_anew_has_its_time_anew():
    run = Run(stuck_s=1.0)
    run.tick(away(0.01), request(1))
    for _ in range(8):
        run.tick(FAR)
    run.tick(away(0.1, restarted=True))
    for _ in range(8):
        assert run.tick(FAR) == []
    assert run.until_over(FAR).reason == "stuck"


def test_a_cancelled_goal_is_over_when_the_robot_stands_and_what_waits_comes_then():
    run = Run()
    run.tick(FAR, request(1), request(2, queue=True))
    assert run.tick(away(0.1, moves=True), Cancel(id_of(1))) == []
    assert (run.life.goal, run.life.current.status) == (None, "canceling")
    (result,) = run.tick(FAR)
    assert (result.id, result.status, result.reason) == (id_of(1), "canceled", "cancelled")
    assert ended_words(result) == "cancelled after 0.2 s"
    assert run.life.goal_id == id_of(2)


def test_how_a_goal_ended_is_said_in_words_and_no_word_twice():
    run = Run(hold_s=0.0)
    run.tick(THERE, request(1))
    run.tick(THERE, request(1))
    said = {each.status: ended_words(each) for each in run.ended}
    assert said["succeeded"] == "succeeded, reached: within its tolerance for 0 s"
    assert said["rejected"].startswith("rejected: ")


def test_a_cancelled_goal_is_over_after_a_second_whatever_moves():
    run = Run()
    run.tick(FAR, request(1))
    run.tick(away(0.1, moves=True), Cancel())
    result = run.until_over(away(0.1, moves=True))
    assert result.reason == "cancelled"
    assert result.elapsed_ns < 1.5e9


def test_cancel_ends_all_that_waits_and_what_was_kept_up_without_a_second_result():
    run = Run(hold_s=0.0)
    run.tick(FAR, request(1), request(2, queue=True), request(3, queue=True))
    run.tick(FAR, Cancel())
    assert sorted(each.id for each in run.ended) == [id_of(1), id_of(2), id_of(3)]
    assert {each.reason for each in run.ended} == {"cancelled"}
    run.tick(THERE, request(4))
    for cancel in (Cancel(), Cancel(id_of(4))):
        kept = run.life
        assert kept.goal_id == id_of(4)
        run.tick(FAR, cancel)
        assert run.life.goal is None
        run.life = kept
    assert len(run.ended) == 4


def test_a_goal_that_waits_may_be_cancelled_and_the_others_go_on():
    run = Run()
    (result,) = run.tick(FAR, request(1), request(2, queue=True), Cancel(id_of(2)))
    assert (result.id, result.elapsed_ns) == (id_of(2), 0)
    assert run.life.goal_id == id_of(1)


def test_another_goal_ends_all_before_it_and_one_that_waits_ends_none():
    run = Run()
    run.tick(FAR, request(1), request(2, queue=True))
    results = run.tick(FAR, request(3))
    assert [(each.id, each.status, each.reason) for each in results] == [
        (id_of(1), "aborted", "preempted"),
        (id_of(2), "aborted", "preempted"),
    ]
    assert [each.reason for each in run.tick(FAR, wish(4))] == ["preempted"]


def test_an_id_is_taken_once_and_the_second_is_refused_without_one():
    run = Run()
    run.tick(FAR, request(1))
    (result,) = run.tick(FAR, request(1))
    assert (result.id, result.status, result.about) == (None, "rejected", id_of(1))
    assert run.life.goal_id == id_of(1)
    run.tick(FAR, Cancel())
    (result,) = run.tick(FAR, request(1))
    assert result.id is None


def test_no_more_wait_than_are_stated():
    run = Run()
    results = run.tick(FAR, *(request(number, queue=True) for number in range(1, QUEUE + 2)))
    assert [(each.id, each.reason, each.rule) for each in results] == [(id_of(QUEUE + 1), "refused", "mode")]
    assert len(run.life.goals) == QUEUE


def test_a_bad_request_costs_itself_and_a_bad_plain_goal_what_was_before_it_too():
    run = Run()
    run.tick(FAR, request(1))
    (result,) = run.tick(FAR, Refusal(id_of(2), "steps", "steps: got nothing"))
    assert (result.id, result.status, result.rule) == (id_of(2), "rejected", "steps")
    assert run.life.goal_id == id_of(1)
    results = run.tick(FAR, Refusal(id_of(3), "goal: position.x", "too far", ends=True))
    assert [(each.id, each.reason) for each in results] == [(id_of(1), "preempted"), (id_of(3), "refused")]
    assert run.life.goal is None


def test_poses_of_one_stamp_are_one_goal_with_one_id_and_one_result():
    run = Run(hold_s=0.0)
    run.tick(FAR, wish(1, given_ns=7))
    assert run.tick(FAR, wish(2, given_ns=7, target="object_0")) == []
    assert run.life.goal_id == id_of(1)
    assert [each.target for each in run.life.goal.wishes] == ["fingertip", "object_0"]
    assert [each.id for each in run.tick(THERE)] == [id_of(1)]
    run.tick(FAR, wish(1, given_ns=7))  # said again
    assert len(run.ended) == 1
    assert run.life.goals == ()
    run.tick(FAR, wish(3, 0.2, given_ns=7, target="object_1"))  # which came when that was over
    assert run.life.goal_id == id_of(3)
    assert len(run.life.goal.wishes) == 3


def test_a_value_is_a_new_goal_with_all_that_was_wished_before():
    run = Run()
    drawer = Goal("value", 5, "drawer", value=0.1)
    run.tick(FAR, wish(1, given_ns=7))
    run.tick(FAR, type(wish(2))(id_of(2), drawer))
    assert [(each.id, each.reason) for each in run.ended] == [(id_of(1), "preempted")]
    assert [each.target for each in run.life.goal.wishes] == ["fingertip", "drawer"]
    run.tick(FAR, wish(3, 0.3, given_ns=8))
    assert [each.target for each in run.life.goal.wishes] == ["fingertip", "drawer"]
    run.tick(FAR, request(4, 0.2))
    assert [each.target for each in run.life.goal.wishes] == ["fingertip"]


def test_a_plain_goal_whose_id_was_there_before_has_another():
    run = Run()
    run.tick(FAR, wish(1, 0.1, given_ns=7))
    run.tick(FAR, wish(2, 0.1, given_ns=8))
    run.tick(FAR, wish(1, 0.1, given_ns=7))
    assert run.life.goal_id not in (None, id_of(1), id_of(2))
    assert len({each.id for each in run.ended}) == 2


def test_the_end_of_the_brain_ends_all():
    run = Run()
    run.tick(FAR, request(1), request(2, queue=True))
    life = run.life.lost(run.now_ns)
    assert [(each.id, each.reason) for each in life.results] == [(id_of(1), "lost"), (id_of(2), "lost")]
    assert life.goal is None
    assert life.lost(run.now_ns).results == ()


def test_who_says_the_goal_at_each_tick_is_followed_and_the_goal_has_one_life():
    life, goal = Life(), pose(0.1, 5)
    for now_ns in range(0, 3 * TICK_NS, TICK_NS):
        life = life.follow(goal, now_ns)
        assert life.results == ()
        assert life.goal is goal
        life = life.ticked(FAR, now_ns)
    first = life.goal_id
    life = life.follow(pose(0.2, 6), 4 * TICK_NS)
    assert [(each.id, each.reason) for each in life.results] == [(first, "preempted")]
    life = life.follow(goal, 5 * TICK_NS)  # its life is over, and it is pursued all the same
    assert life.goal is goal
    assert life.goals == ()
    life = life.follow(None, 6 * TICK_NS)
    assert life.goal is None
    assert life.results == ()


def test_the_id_of_a_plain_goal_hangs_on_topic_stamp_and_content():
    ids = {plain_id("goal/a/pose", 1, b"x"), plain_id("goal/b/pose", 1, b"x"), plain_id("goal/a/pose", 2, b"x")}
    assert len(ids | {plain_id("goal/a/pose", 1, b"y")}) == 4
    assert plain_id("goal/a/pose", 1, b"x") in ids


def test_what_was_asked_is_read_back_from_the_record():
    picture = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    asked = (
        request(1, 0.1, 1 / 3, queue=True, timeout_s=0.1),
        wish(2, 0.3, 9, 7),
        type(wish(3))(id_of(3), Goal("image", 4, image=picture)),
        Cancel(id_of(1)),
        Cancel(),
        Refusal(None, "steps", "why", about="{"),
    )
    back = asked_from_json(json.loads(json.dumps(asked_json(asked))), lambda digest, stamp_ns: picture)
    assert asked_json(back) == asked_json(asked)
    assert back[3:] == asked[3:]
    assert back[0].steps[1].pose.tobytes() == asked[0].steps[1].pose.tobytes()
    assert back[2].goal.image is picture


def test_feedback_says_what_is_farthest_off_how_far_it_is_and_how_long_it_takes():
    run = Run()
    run.tick(FAR, request(1, 0.1, 0.2))
    for count in range(1, 11):
        run.tick(away(0.1 - 0.005 * count))
    told = json.loads(feedback_json(run.life.current))
    assert (told["id"], told["step"], told["steps"], told["target"], told["unit"]) == (id_of(1), 0, 2, "fingertip", "m")
    assert told["error"] == pytest.approx(0.05)
    assert told["progress"] == pytest.approx(0.25)  # half of the first of two steps
    assert told["expected_s"] == pytest.approx(1.0, abs=0.05)  # 5 cm at 5 cm/s
    run.tick(away(0.05, expected_s=0.7))
    assert json.loads(feedback_json(run.life.current))["expected_s"] == 0.7


def test_without_progress_nothing_is_expected():
    run = Run()
    run.tick(FAR, request(1))
    for _ in range(40):
        run.tick(FAR)
    assert json.loads(feedback_json(run.life.current))["expected_s"] is None


def test_a_result_is_json_whatever_was_seen():
    run = Run(timeout_s=0.2)
    run.tick(away(float("inf")), request(1))
    told = json.loads(result_json(run.until_over(away(float("inf")))), parse_constant=pytest.fail)
    assert (told["id"], told["reason"], told["error"]) == (id_of(1), "timeout", None)
