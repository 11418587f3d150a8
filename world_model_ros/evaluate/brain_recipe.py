"""Recipe of a brain, for processes that each make their own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from world_model_ros.brain.brain import Brain, Policy
from world_model_ros.bundle.bundle import Bundle, load_bundle
from world_model_ros.contract.contract import Contract, contract_from_text


@dataclass(frozen=True)
class BrainRecipe:
    """What it takes to make a brain in another process.

    Args:
        text: of the contract, and the folder that its files are relative to.
        model: folder of the bundle.
    """

    text: str
    folder: Path | None
    model: str
    provider: str = "auto"
    policy: Policy = "model"

    @classmethod
    def of(cls, contract: Contract, bundle: Bundle, provider: str = "auto", policy: Policy = "model") -> BrainRecipe:
        return cls(contract.text, contract.folder, str(bundle.folder), provider, policy)

    def make(self) -> tuple[Contract, Brain]:
        """The contract and the brain, made once for each process."""
        return _made(self)


@lru_cache(maxsize=2)
def _made(recipe: BrainRecipe) -> tuple[Contract, Brain]:
    contract = contract_from_text(recipe.text, folder=recipe.folder)
    bundle = load_bundle(recipe.model, contract)
    return contract, Brain(bundle, contract, recipe.provider, threads=1, policy=recipe.policy)
