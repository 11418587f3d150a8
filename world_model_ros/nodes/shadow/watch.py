"""Shadow mode: imagines what another program's commands lead to, and publishes how well that predicted what came.

It works in the time that a tick leaves over.
"""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np
from rclpy.node import Node
from std_msgs.msg import String

from world_model_ros.brain.brain import Brain
from world_model_ros.evaluate.prediction.shadow_scores import ShadowScores
from world_model_ros.nodes.brain.spare_time import SpareTime
from world_model_ros.nodes.brain.ticked import Ticked
from world_model_ros.nodes.brain.topics.outbox import BrainOutbox
from world_model_ros.nodes.qos import LATCHED
from world_model_ros.nodes.shadow.reference import ShadowReference

_EVERY_TICKS = 5  # a look back, if there is time
_REPORT_TICKS = 50


class ShadowWatch:
    """Scores on the topic ``shadow/report`` (String JSON, latched), and futures where a planning brain has its own.

    Futures are those of the joint trajectory that is being followed; where no source says what comes, those of actions
    as in the recordings, if the bundle knows them.
    """

    def __init__(self, node: Node, brain: Brain, reference: ShadowReference, outbox: BrainOutbox) -> None:
        self._node, self._brain, self._reference, self._outbox = node, brain, reference, outbox
        self._horizon = brain.bundle.manifest.horizon
        self._knows_usual = "policy" in brain.bundle.manifest.graphs
        self._scores = ShadowScores(brain)
        self._publisher = node.create_publisher(String, "shadow/report", LATCHED)
        self._spare = SpareTime()

    def close(self) -> None:
        self._node.destroy_publisher(self._publisher)

    def forget(self) -> None:
        self._scores.forget()

    def report(self) -> dict[str, Any]:
        """See `ShadowScores.report`; ``actions_from`` counts ticks by what told of the commands."""
        return self._scores.report() | {"actions_from": dict(self._reference.sources)}

    def after_tick(self, ticked: Ticked) -> float:
        begin = perf_counter()
        self._scores.add(ticked.observation, ticked.applied, ticked.memory, ticked.decision)
        imagines = self._spare.fits(ticked.deadline_s) and self._imagine(ticked)
        due = self._scores.ready and self._scores.ticks % _EVERY_TICKS == 0
        if due and self._spare.fits(ticked.deadline_s):
            lap = perf_counter()
            self._scores.look()
            self._spare.took(perf_counter() - lap)
        if self._scores.ticks % _REPORT_TICKS == 0:
            self._publisher.publish(String(data=json.dumps(self.report())))
        return (perf_counter() - begin) * 1e3 if due or imagines else 0.0

    def _imagine(self, ticked: Ticked) -> bool:
        """Publish the future of what is commanded; False if that is not known."""
        ahead = self._reference.ahead(ticked.observation, self._horizon)
        if ahead is not None:
            actions = np.array([self._brain.applied_action(*pair) for pair in pairwise(ahead)])
        elif self._knows_usual:
            actions = self._brain.usual_future(ticked.memory).chunk
        else:
            return False
        found = self._brain.imagine_executed(ticked.memory, actions[None])
        first: dict[str, Any] = {}
        for name in ("states", "joints", "contact", "poses", "sigma"):
            head = getattr(found, name)
            first[name] = None if head is None else head[0]
        self._outbox.imagined(replace(ticked.decision, **first), ticked.observation)
        return True
