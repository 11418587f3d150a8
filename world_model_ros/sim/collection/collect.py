"""Gathers episodes in simulation with scripted policies: headless, without ROS, faster than real time, as MCAP bags."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import mujoco
import numpy as np

from world_model_ros import __version__
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.hands import grips
from world_model_ros.contract.senses import JointStream
from world_model_ros.core.errors import UserError
from world_model_ros.core.parallel import worker_pool
from world_model_ros.core.progress import progress_bar
from world_model_ros.goals.hands import APART_M, Hands
from world_model_ros.kinematics.arm import ArmKinematics, tool_down
from world_model_ros.kinematics.motion import motion_for
from world_model_ros.sim.collection.operators import Operator, make_operator, operator_shares
from world_model_ros.sim.rig import Rig
from world_model_ros.sim.scenes.draw import (
    VARIETIES,
    Variety,
    draw_variety,
    furnish,
    makes_of,
    random_object,
    random_surroundings,
    vary,
)
from world_model_ros.sim.scenes.fixtures import placed
from world_model_ros.sim.scenes.scene import SceneConfig
from world_model_ros.sim.telemetry import Sample

FIRST_SEED = 10_000_000  # far from the seeds of demonstrations and evaluations
_EPISODES_A_SEED = 100_000
_TICKS, _SKILLED_TICKS = (60, 91), (180, 240)  # of an episode of one gesture, and of skills one after the other
_CLEAR_M, _ASIDE_M = 0.08, 0.03  # of fingertips at the start from the object; from each other's side, beyond the least
LOST_TICKS = 5  # the object out of reach for so long ends an episode
_MIN_TICKS = 20
_SILENT_SHARE = 0.4
_HAND_M, _OVER_M = 0.07, 0.13  # half the width of a gripper; over the table, and it is over all fixtures


@dataclass(frozen=True)
class EpisodeResult:
    """What an episode became: folder name, seed, policy, variety of its scene, and how many ticks it has.

    ``lost`` is the object that left the table or every workspace, which ended it; ``broken`` one that broke, which did
    so too. Empty where none did. ``silenced``: the stream that fell silent on purpose, and when; empty for none.
    """

    name: str
    seed: int
    policy: str
    ticks: int
    scenes: str = "plain"
    lost: str = ""
    broken: str = ""
    silenced: str = ""


class Ended(NamedTuple):
    """How many ticks an episode has, and the object that was lost, or broke, and ended it; empty if there is none."""

    ticks: int
    lost: str
    broken: str


@dataclass(frozen=True)
class Job:
    """One episode to record; travels to another process.

    Args:
        contract: of the robot.
        out: folder of all episodes. index: of this one.
        scenes: as of `collect`.
    """

    contract: Contract
    out: Path
    index: int
    seed: int
    scenes: str

    @property
    def name(self) -> str:
        return _name(self.index)

    @property
    def part(self) -> Path:
        """Where it is written until it is whole."""
        return self.out / "unfinished" / self.name

    def writer(self) -> BagWriter:
        """Writer of this episode's bag, from its start; `finish` says when it is whole."""
        shutil.rmtree(self.part, ignore_errors=True)
        self.part.parent.mkdir(exist_ok=True)
        return BagWriter(self.part, self.contract, compress=True)


@dataclass(frozen=True)
class Silence:
    """A topic of which nothing is recorded for a while, ns; as with a cable that is loose."""

    topic: str
    begin_ns: int
    end_ns: int

    def swallows(self, sample: Sample) -> bool:
        return sample.topic == self.topic and self.begin_ns <= sample.stamp_ns < self.end_ns

    def words(self, contract: Contract) -> str:
        """The streams of the topic, and when they are silent, s."""
        names = " and ".join(each.name for each in contract.deployment.streams if each.topic == self.topic)
        return f"{names} from {self.begin_ns * 1e-9:.1f} to {self.end_ns * 1e-9:.1f} s"


def collection_scene(contract: Contract, seed: int, variety: Variety = "plain") -> SceneConfig:
    """Random object, start of the arms and surroundings; fingertips start at least 8 cm from the object."""
    random = np.random.default_rng([seed, 0xC011EC7])
    x, y = random.uniform(*np.array(contract.simulation.objects_m).T)
    start = float(x), float(y), float(random.uniform(-3.1, 3.1))
    simulation, fixtures = contract.simulation, placed(contract).values()
    item = random_object(random, start, simulation.object_half_m, makes_of(simulation, 0))
    low, high = np.array([hand.box for hand in contract.interface.hands]).transpose(1, 0, 2)  # (T, 3) each
    arm, hands = ArmKinematics(contract), Hands.of(contract.interface.hands)
    while True:
        places = random.uniform(low, high)
        clear = all(np.hypot(*(place[:2] - (x, y))) > _CLEAR_M for place in places)
        aside = all((places[a] - places[b])[:2] @ side > APART_M + _ASIDE_M for a, b, side in hands.pairs())
        free = not any(
            fixture.meets(place[:2] - _HAND_M, place[:2] + _HAND_M) and place[2] < _OVER_M
            for place in places
            for fixture in fixtures
        )
        home = arm.solve(contract.rest, places, tool_down()) if clear and aside and free else None
        if home is not None:
            scene = random_surroundings(random, item, tuple(home.tolist()))
            tips = places[:, :2]
            scene = vary(contract, scene, np.random.default_rng([seed, 0x7A41E5]), variety, tips)
            return furnish(contract, scene, seed, tips, played=True)


def random_silence(contract: Contract, seed: int, ticks: int) -> Silence | None:
    """One stream in four episodes of ten falls silent for 0.3 to 3 s; never the joints."""
    random = np.random.default_rng([seed, 0x51E9CE])
    streams = [each.name for each in contract.interface.streams if not isinstance(each, JointStream)]
    if not streams or random.random() > _SILENT_SHARE:
        return None
    begin = int(random.integers(5, max(6, ticks - 5))) * contract.tick_ns
    length_ns = int(random.uniform(0.3, 3.0) * 1e9)
    return Silence(contract.source(str(random.choice(streams))).topic, begin, begin + length_ns)


def collect_episode(
    contract: Contract,
    scene: SceneConfig,
    seed: int,
    ticks: int,
    operator: Operator,
    writer: BagWriter,
    silence: Silence | None = None,
) -> Ended:
    """Run one episode and write it. It has fewer ticks if an object was lost, or broke.

    Commands arrive 20 to 60 ms after the observation they rest on, images 0 to 40 ms after exposure, as drawn by the
    seed. The bag's time is the time of arrival, the header's that of the measurement. ``silence`` counts from the
    start of the episode.
    """
    random = np.random.default_rng([seed, 0xD31A7])
    rig = Rig(contract, scene, seed, writer.make)
    motion, tick_ns = motion_for(contract), contract.tick_ns
    command_delay_ns = int(random.uniform(0.02, 0.06) * 1e9)
    image_delay_ns = int(random.uniform(0.0, 0.04) * 1e9)
    gone, lost = "", 0
    if silence is not None:
        silence = Silence(silence.topic, silence.begin_ns + rig.now_ns, silence.end_ns + rig.now_ns)
    _write(writer, rig.advance(rig.now_ns + 2 * tick_ns), 0, silence)
    for tick in range(ticks):
        now_ns = rig.now_ns
        gone = operator.lost(rig)
        if gone and not operator.patient:
            tick -= 1  # this one is not recorded
            break
        trajectory = motion.chunk_trajectory(rig.reference, operator.chunk(rig), now_ns, tick_ns * 1e-9)
        rig.send(trajectory, now_ns + int(command_delay_ns * random.uniform(0.7, 1.3)))
        # One image a tick: the newest that has arrived at the next tick, of cameras with a beat of their own.
        if rig.telemetry.cameras:
            age_ns = image_delay_ns + int(random.uniform(0.0, 0.033) * 1e9)
            rig.expose(now_ns + tick_ns - age_ns)
        _write(writer, rig.advance(now_ns + tick_ns), image_delay_ns, silence)
        lost = lost + 1 if gone else 0
        if rig.robot.broken or (lost >= LOST_TICKS and tick >= _MIN_TICKS):
            break
        gone = ""
    rig.robot.close()
    return Ended(tick + 1, gone, next(iter(rig.robot.broken), ""))


def collect(
    contract: Contract,
    out: Path,
    episodes: int,
    seed: int = 0,
    workers: int = 1,
    scenes: str = "curriculum",
    run: Callable[[Job], EpisodeResult] | None = None,
) -> list[EpisodeResult]:
    """Gather episodes into ``out/episode_00000`` and so on, with ``out/manifest.json``.

    Finished episodes are kept, so a broken off collection goes on where it was.

    Args:
        contract: of a robot with a URDF, whose action displaces fingertips, that the simulator can set up.
        out: folder for the bags.
        episodes: how many there are in the end.
        seed: episodes of different seeds never share a scene.
        workers: processes.
        scenes: a `Variety`, or ``curriculum`` for a mixture of them in which streams also fall silent now and then.
        run: records an episode, in place of the hand-made policies; must travel to another process.

    Raises:
        UserError: a value that is not legal, or a robot that cannot be collected with.
    """
    operator_shares(contract)
    if scenes not in (*VARIETIES, "curriculum"):
        raise UserError("scenes", scenes, f"one of {[*VARIETIES, 'curriculum']}")
    if not 1 <= episodes <= _EPISODES_A_SEED:
        raise UserError("episodes", episodes, f"1 to {_EPISODES_A_SEED}")
    if seed < 0:
        raise UserError("seed", seed, "0 or more")
    if workers < 1:
        raise UserError("workers", workers, "1 or more")
    out.mkdir(parents=True, exist_ok=True)
    kept = _finished(out)
    _refuse_others(contract, out, seed, kept)
    _write_manifest(contract, out, seed, list(kept.values()))  # whose they are, also if this breaks off
    jobs = [
        Job(contract, out, index, FIRST_SEED + seed * _EPISODES_A_SEED + index, scenes)
        for index in range(episodes)
        if _name(index) not in kept
    ]
    results = [kept[_name(index)] for index in range(episodes) if _name(index) in kept]
    progress = progress_bar(total=episodes, initial=len(results), unit="episode")
    with worker_pool(min(workers, max(len(jobs), 1))) as pool:
        for done in as_completed([pool.submit(run or _run, job) for job in jobs]):
            results.append(done.result())
            progress.update()
    progress.close()
    shutil.rmtree(out / "unfinished", ignore_errors=True)
    results.sort(key=lambda result: result.name)
    _write_manifest(contract, out, seed, results)
    return results


def _run(job: Job) -> EpisodeResult:
    contract, seed, scenes = job.contract, job.seed, job.scenes
    random = np.random.default_rng([seed, 0xE915])
    shares = operator_shares(contract)
    policy_name = str(random.choice(list(shares), p=list(shares.values())))
    ticks = int(random.integers(*(_SKILLED_TICKS if grips(contract.interface.action) else _TICKS)))
    silence = random_silence(contract, seed, ticks) if scenes == "curriculum" else None
    variety = draw_variety(scenes, random)
    scene = collection_scene(contract, seed, variety)
    operator = make_operator(policy_name, seed, contract)
    with job.writer() as writer:
        done = collect_episode(contract, scene, seed, ticks, operator, writer, silence)
    silenced = "" if silence is None else silence.words(contract)
    result = EpisodeResult(job.name, seed, policy_name, done.ticks, variety, done.lost, done.broken, silenced)
    return finish(job, result)


def finish(job: Job, result: EpisodeResult) -> EpisodeResult:
    """Say that an episode is whole, and give it its name."""
    (job.part / "episode.json").write_text(json.dumps(asdict(result)) + "\n", encoding="utf-8")
    job.part.rename(job.out / job.name)
    return result


def _write(writer: BagWriter, samples: list[Sample], image_delay_ns: int, silence: Silence | None) -> None:
    for sample in samples:
        if silence is not None and silence.swallows(sample):
            continue
        image = sample.type == "sensor_msgs/msg/Image" and sample.message.encoding == "rgb8"
        writer.write(sample.topic, sample.type, sample.message, sample.stamp_ns + (image_delay_ns if image else 0))


def _name(index: int) -> str:
    return f"episode_{index:05d}"


def _finished(out: Path) -> dict[str, EpisodeResult]:
    files = sorted(out.glob("episode_*/episode.json"))
    results = [EpisodeResult(**json.loads(file.read_text(encoding="utf-8"))) for file in files]
    return {result.name: result for result in results}


def _refuse_others(contract: Contract, out: Path, seed: int, kept: Mapping[str, EpisodeResult]) -> None:
    """`UserError` if the folder has episodes of another robot, or of another seed, which would count as these."""
    file = out / "manifest.json"
    try:
        about = json.loads(file.read_text(encoding="utf-8")) if kept and file.is_file() else {}
        robot, interface = about.get("robot"), about.get("interface_hash", contract.interface_hash)
    except (ValueError, AttributeError) as error:
        raise UserError(str(file), str(error), "a manifest as it was written, or a new folder") from error
    if interface != contract.interface_hash:
        legal = f"a new folder, or one with episodes of {contract.name} as it is now; these are of {robot}"
        raise UserError("out", str(out), legal)
    others = {(each.seed - FIRST_SEED) // _EPISODES_A_SEED for each in kept.values()} - {seed}
    if others:
        raise UserError("seed", seed, f"{min(others)}, of which {out} has episodes, or a new folder")


def _write_manifest(contract: Contract, out: Path, seed: int, results: list[EpisodeResult]) -> None:
    manifest = {
        "robot": contract.name,
        "interface_hash": contract.interface_hash,
        "seed": seed,
        "episodes": len(results),
        "ticks": sum(result.ticks for result in results),
        "policies": dict(Counter(result.policy for result in results)),
        "scenes": dict(Counter(result.scenes for result in results)),
        "lost": dict(Counter(result.lost for result in results if result.lost)),
        "broken": dict(Counter(result.broken for result in results if result.broken)),
        "versions": {"world_model_ros": __version__, "mujoco": mujoco.__version__, "numpy": np.__version__},
        "results": [asdict(result) for result in results],
    }
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
