"""A recipe (contract, bundle, provider, policy) that travels to a worker process, which makes a brain from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from world_model_ros.brain.brain import Brain, Policy
from world_model_ros.bundle.bundle import Bundle, load_bundle
from world_model_ros.contract.contract import Contract


@dataclass(frozen=True)
class BrainRecipe:
    """What it takes to make a brain in another process.

    Args:
        contract: of the robot.
        model: folder of the bundle.
    """

    contract: Contract
    model: str
    provider: str = "auto"
    policy: Policy = "model"

    @classmethod
    def of(cls, contract: Contract, bundle: Bundle, provider: str = "auto", policy: Policy = "model") -> BrainRecipe:
        return cls(contract, str(bundle.folder), provider, policy)

    def make(self) -> tuple[Contract, Brain]:
        """The contract and the brain. A process keeps the two that it made last (`functools.lru_cache`), and equal
        recipes share one."""
        return _made(self)


@lru_cache(maxsize=2)
def _made(recipe: BrainRecipe) -> tuple[Contract, Brain]:
    bundle = load_bundle(recipe.model, recipe.contract)
    return recipe.contract, Brain(bundle, recipe.contract, recipe.provider, threads=1, policy=recipe.policy)
