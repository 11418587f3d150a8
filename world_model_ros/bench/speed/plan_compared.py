"""``world-model bench plan``, the part with PyTorch: times the exported planner against PyTorch and other planners.

Also other sizes of it, and its share of the rate of a matrix product. Every ratio is from runs that alternate.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from world_model_ros.bench.speed.exported import ExportedModule
from world_model_ros.bench.speed.plan import plan_inputs
from world_model_ros.bench.speed.published_sizes import LeWmSize, TdMpc2Size
from world_model_ros.bench.speed.timing import Times, alternate, ratio, spread
from world_model_ros.brain.brain import Brain
from world_model_ros.core.arrays import percentiles
from world_model_ros.learning.export.graph_modules import Plan
from world_model_ros.learning.export.restore import plan_config, restored_model
from world_model_ros.planning.planner import PlanConfig

_SQUARE = 1024  # side of the matrices whose product is the measure
_SLOW_REPEATS = 5  # of what takes hundreds of times as long as a plan
Found = dict[str, Any]


class PlanComparison:
    """A bundle's planner, exported anew by this version, next to others.

    Args:
        brain: of the bundle, for its beliefs.
        provider, threads: of ONNX Runtime; PyTorch gets as many threads, on the CPU.
        repeats: of each time.
    """

    def __init__(self, brain: Brain, provider: str, threads: int, repeats: int) -> None:
        self._brain, self._provider, self._threads, self._repeats = brain, provider, threads, repeats
        self._model = restored_model(brain.bundle, brain.contract)
        self._config = plan_config(brain.bundle)
        self._action = brain.contract.interface.action.size

    @cached_property
    def _plan(self) -> ExportedModule:
        return self._exported(self._config)

    def pytorch(self, compiled: bool) -> Found:
        """``speedup_eager``, and ``speedup_compiled``: against the fastest of the traced and compiled variants."""
        module, given = self._module(self._config)
        torch.set_num_threads(self._threads)
        variants: dict[str, Callable[[], Any]] = {"exported": self._plan.run, "eager": _inference(module, given)}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is constant may be
            traced = torch.jit.freeze(torch.jit.trace(module, given, check_trace=False))
        variants["traced"] = _inference(traced, given)
        notes = []
        if compiled:
            try:
                variants["compiled"] = _compiled(module, given, freezing=False)
                variants["compiled_frozen"] = _compiled(module, given, freezing=True)
            except Exception as error:  # of the compiler, or of the lack of one
                notes.append(f"torch.compile failed: {str(error).splitlines()[0][:200]}")
        laps = alternate(variants, self._repeats, warm=3)
        best = min(set(variants) - {"exported", "eager"}, key=lambda name: float(np.median(laps[name])))
        notes.append(f"the fastest PyTorch variant but eager is {best}")
        found = _stages(laps) | {"notes": notes}
        return _ratios(found, {"speedup_eager": (laps["eager"], laps["exported"]),
                               "speedup_compiled": (laps[best], laps["exported"])})  # fmt: skip

    def scaling(self) -> Found:
        """``scaling``: how many times as long with more candidates, iterations and steps; 64 x 12 x 3 next to it."""
        base = self._config
        changed = {
            "candidates_x8": base.but(samples=8 * base.search.samples),
            "iterations_x2": base.but(iterations=2 * base.search.iterations),
            "horizon_x2": base.but(horizon=2 * base.horizon),
        }
        variants = {name: self._exported(config).run for name, config in changed.items()}
        large = self._exported(base.but(samples=64, decay=1.0, iterations=3)).run
        laps = alternate({"exported": self._plan.run, **variants, "plan_64x12x3": large}, self._repeats)
        found = {name: ratio(laps[name], laps["exported"]) for name in changed}
        return _stages(laps) | {
            "scaling": {name: median for name, (median, _) in found.items()},
            "dispersion": {f"scaling.{name}": quartiles for name, (_, quartiles) in found.items()},
        }

    def size(self, samples: int, horizon: int, iterations: int) -> Found:
        """A plan of another size: ``plan_NxHxI`` in ``stages_ms``."""
        config = self._config.but(samples=samples, decay=1.0, horizon=horizon, iterations=iterations)
        run = self._exported(config).run
        return _stages(alternate({f"plan_{samples}x{horizon}x{iterations}": run}, self._repeats, warm=5))

    def versus(self) -> Found:
        """``versus``: planners of published sizes with random weights, also in ONNX Runtime with as many threads."""
        random = np.random.default_rng(0)

        def noise(*shape: int) -> NDArray[np.float32]:
            return random.standard_normal(shape).astype(np.float32)

        tdmpc2, lewm, action = TdMpc2Size, LeWmSize, self._action
        drawn = (tdmpc2.iterations, tdmpc2.horizon, tdmpc2.samples - tdmpc2.guided, action)
        followed = (tdmpc2.horizon + 1, tdmpc2.guided, action)
        inputs = {
            "tdmpc2_size": {"latent": noise(tdmpc2.latent), "mean": noise(tdmpc2.horizon, action),
                            "noise": noise(*drawn), "policy_noise": noise(*followed)},
            "lewm_size": {"code": noise(lewm.width), "goal": noise(lewm.width), "mean": noise(lewm.horizon, action),
                          "spread": np.ones((lewm.horizon, action), np.float32),
                          "noise": noise(lewm.samples, lewm.horizon, action)},
        }  # fmt: skip
        torch.manual_seed(0)
        modules: dict[str, nn.Module] = {"tdmpc2_size": tdmpc2(action), "lewm_size": lewm(action)}
        runs = {name: self._in_runtime(module, inputs[name]).run for name, module in modules.items()}
        laps = alternate({"exported": self._plan.run, **runs}, min(self._repeats, _SLOW_REPEATS), warm=1)
        laps["lewm_size"] = laps["lewm_size"] * lewm.iterations
        found = {name: ratio(laps[name], laps["exported"]) for name in modules}
        parameters = {name: sum(each.numel() for each in module.parameters()) for name, module in modules.items()}
        return _stages(laps) | {
            "versus": {name: median for name, (median, _) in found.items()},
            "dispersion": {f"versus.{name}": quartiles for name, (_, quartiles) in found.items()},
            "notes": [
                f"{name}: a search of that published size, random weights, {parameters[name] / 1e6:.1f} M parameters"
                for name in modules
            ]
            + [f"lewm_size: one iteration was timed, and counted {lewm.iterations} times"],
        }

    def gemm(self) -> Found:
        """``gemm_fraction``: the arithmetic rate of the rollout, as a share of that of a large matrix product."""
        sizes = self._config
        model, memory = self._model, self._plan_inputs["memory"]
        candidates = 0.01 * np.ones((sizes.search.samples, sizes.horizon, self._action), np.float32)
        rollout = self._in_runtime(_Imagine(model), {"memory": memory, "candidates": candidates})
        random = np.random.default_rng(0)
        square = self._in_runtime(
            _Product(_SQUARE), {"matrix": random.standard_normal((_SQUARE, _SQUARE)).astype(np.float32)}
        )
        laps = alternate({"rollout": rollout.run, "matrix_product": square.run}, self._repeats)
        share = laps["matrix_product"] / square.products * rollout.products / laps["rollout"]
        rate = {
            name: round(float(module.products / np.median(laps[name]) * 1e-6), 1)
            for name, module in {"rollout": rollout, "matrix_product": square}.items()
        }
        return _stages(laps) | {
            "gemm_fraction": round(float(np.median(share)), 3),
            "gflops": rate,
            "dispersion": {"gemm_fraction": percentiles(share, (25, 75), 3)},
        }

    @property
    def _plan_inputs(self) -> dict[str, NDArray[Any]]:
        return plan_inputs(self._brain)

    def _module(self, config: PlanConfig) -> tuple[nn.Module, tuple[Tensor, ...]]:
        module = Plan(self._model, config)
        given = plan_inputs(self._brain, 0, config.search.iterations, config.search.samples, config.horizon)
        return module.eval(), tuple(torch.from_numpy(given[name]) for name in module.inputs)

    def _exported(self, config: PlanConfig) -> ExportedModule:
        module, given = self._module(config)
        assert isinstance(module, Plan)
        return self._in_runtime(
            module, {name: value.numpy() for name, value in zip(module.inputs, given)}, module.outputs
        )

    def _in_runtime(
        self, module: nn.Module, inputs: dict[str, NDArray[Any]], outputs: list[str] | None = None
    ) -> ExportedModule:
        with self._model.settled():  # as bundles are exported
            return ExportedModule(module, inputs, outputs or [], self._provider, self._threads)


class _Imagine(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, memory: Tensor, candidates: Tensor) -> Tensor:
        out: Tensor = self.model.imagine(memory, candidates)
        return out


class _Product(nn.Module):
    def __init__(self, side: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(side, side))

    def forward(self, matrix: Tensor) -> Tensor:
        return nn.functional.linear(matrix, self.weight)


def _inference(module: Any, given: tuple[Tensor, ...]) -> Callable[[], Any]:
    def run() -> Any:
        with torch.inference_mode():
            return module(*given)

    return run


def _compiled(module: nn.Module, given: tuple[Tensor, ...], freezing: bool) -> Callable[[], Any]:
    """Compiled by inductor, now, which takes a minute or more; ``freezing`` makes weights constants."""
    from torch._inductor import config

    torch.compiler.reset()
    with config.patch(freezing=freezing):
        run = _inference(torch.compile(module), given)
        run()
    return run


def _stages(laps: dict[str, Times]) -> Found:
    return {"stages_ms": {name: spread(each) for name, each in laps.items()}}


def _ratios(found: Found, pairs: dict[str, tuple[Times, Times]]) -> Found:
    ratios = {name: ratio(slower, faster) for name, (slower, faster) in pairs.items()}
    dispersion = {name: quartiles for name, (_, quartiles) in ratios.items()}
    return found | {name: median for name, (median, _) in ratios.items()} | {"dispersion": dispersion}
