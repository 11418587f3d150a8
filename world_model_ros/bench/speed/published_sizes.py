"""PyTorch planners of the sizes of TD-MPC2 and LeWM, with random weights, to measure what their search costs.

Written after the papers, not their code. Encoders are left out on all sides; one call is the search alone.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class TdMpc2Size(nn.Module):
    """Search of TD-MPC2's size (Hansen et al. 2024): latent 512, perceptrons of width 512, MPPI with 512 samples of
    which 24 follow the policy, 64 elites, 6 iterations, horizon 3; two of five value functions at the end.

    Inputs: latent (512,), mean (3, A) of the last plan, noise (6, 3, 488, A), noise of the policy (4, 24, A).
    """

    latent, samples, guided, elites, iterations, horizon = 512, 512, 24, 64, 6, 3
    bins, bound, least, most, temperature = 101, 10.0, 0.05, 2.0, 0.5

    support: Tensor

    def __init__(self, action: int) -> None:
        super().__init__()
        size = self.latent
        self.dynamics = nn.Sequential(_normed(size + action, size), _normed(size, size), nn.Linear(size, size))
        self.settle = nn.LayerNorm(size)
        self.reward = nn.Sequential(_normed(size + action, size), _normed(size, size), nn.Linear(size, self.bins))
        self.policy = nn.Sequential(_normed(size, size), _normed(size, size), nn.Linear(size, 2 * action))
        self.values = nn.ModuleList(
            nn.Sequential(_normed(size + action, size), _normed(size, size), nn.Linear(size, self.bins))
            for _ in range(2)
        )
        self.register_buffer("support", torch.linspace(-self.bound, self.bound, self.bins))

    def step(self, z: Tensor, action: Tensor) -> Tensor:
        """Latents (N, 512) and actions (N, A) -> latents, in simplices of eight."""
        raw = self.settle(self.dynamics(torch.cat([z, action], -1)))
        out: Tensor = raw.unflatten(-1, (-1, 8)).softmax(-1).flatten(-2)
        return out

    def follow(self, z: Tensor, noise: Tensor) -> Tensor:
        """The policy's actions (N, A)."""
        mean, spread = self.policy(z).chunk(2, -1)
        return torch.tanh(mean + noise * spread.clamp(-10, 2).exp())

    def worth(self, head: nn.Module, z: Tensor, action: Tensor) -> Tensor:
        """A value or reward (N,), from logits over bins."""
        value: Tensor = (head(torch.cat([z, action], -1)).softmax(-1) * self.support).sum(-1)
        return value.sign() * (value.abs().exp() - 1.0)

    def forward(self, latent: Tensor, mean: Tensor, noise: Tensor, policy_noise: Tensor) -> Tensor:
        """Actions (3, A)."""
        z, guided = latent[None].expand(self.guided, -1), []
        for h in range(self.horizon):
            guided.append(self.follow(z, policy_noise[h]))
            z = self.step(z, guided[-1])
        kept, std = torch.stack(guided), torch.full_like(mean, self.most)
        for i in range(self.iterations):
            drawn = (mean[:, None] + std[:, None] * noise[i]).clamp(-1, 1)
            actions = torch.cat([kept, drawn], 1)
            value, z = torch.zeros(self.samples), latent[None].expand(self.samples, -1)
            for h in range(self.horizon):
                value = value + 0.99**h * self.worth(self.reward, z, actions[h])
                z = self.step(z, actions[h])
            last = self.follow(z, policy_noise[-1, :1])
            end = torch.stack([self.worth(head, z, last) for head in self.values]).mean(0)
            best, order = torch.topk(value + 0.99**self.horizon * end, self.elites)
            share = (self.temperature * (best - best[0])).softmax(0)[:, None]
            chosen = actions[:, order]
            mean = (share * chosen).sum(1)
            std = (share * (chosen - mean[:, None]) ** 2).sum(1).sqrt().clamp(self.least, self.most)
        return mean


class LeWmSize(nn.Module):
    """One of the 30 iterations of a search of LeWM's size (Maes et al. 2026): a causal transformer of width 192,
    6 layers, 16 heads of 64, perceptrons of 2048, conditioned on actions by adaptive normalisation (10.8 M
    parameters); cross-entropy method with 300 samples, 30 elites, horizon 5, context of up to 3.

    Inputs: code (192,), goal (192,), mean and spread (5, A), noise (300, 5, A).
    """

    width, layers, samples, elites, iterations, horizon, context = 192, 6, 300, 30, 30, 5, 3

    def __init__(self, action: int) -> None:
        super().__init__()
        self.encode = nn.Sequential(nn.Linear(action, 4 * self.width), nn.SiLU(), nn.Linear(4 * self.width, self.width))
        self.places = nn.Parameter(torch.randn(self.context, self.width))
        self.blocks = nn.ModuleList(_Block(self.width, 16, 64, 2048) for _ in range(self.layers))
        self.norm = nn.LayerNorm(self.width)
        self.project = nn.Sequential(nn.Linear(self.width, 2048), nn.GELU(), nn.Linear(2048, self.width))

    def forward(self, code: Tensor, goal: Tensor, mean: Tensor, std: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """The next mean and spread."""
        actions = mean + std * noise
        encoded = self.encode(actions)
        codes = code[None, None].expand(self.samples, 1, -1)
        for h in range(self.horizon):
            first = max(0, h + 1 - self.context)
            x = codes[:, first:] + self.places[: h + 1 - first]
            for block in self.blocks:
                x = block(x, encoded[:, first : h + 1])
            codes = torch.cat([codes, self.project(self.norm(x[:, -1:]))], 1)
        cost = ((codes[:, -1] - goal) ** 2).sum(-1)
        elites = actions[torch.topk(-cost, self.elites)[1]]
        return elites.mean(0), elites.std(0)


class _Block(nn.Module):
    def __init__(self, width: int, heads: int, head: int, hidden: int) -> None:
        super().__init__()
        self.heads, self.head = heads, head
        self.modulate = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))
        self.norms = nn.ModuleList(nn.LayerNorm(width, elementwise_affine=False) for _ in range(2))
        self.query, self.out = nn.Linear(width, 3 * heads * head, bias=False), nn.Linear(heads * head, width)
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        shift, scale, gate, shift_mlp, scale_mlp, gate_mlp = self.modulate(condition).chunk(6, -1)
        x = x + gate * self.attend(self.norms[0](x) * (1 + scale) + shift)
        out: Tensor = x + gate_mlp * self.mlp(self.norms[1](x) * (1 + scale_mlp) + shift_mlp)
        return out

    def attend(self, x: Tensor) -> Tensor:
        """Causal attention over (N, T, width)."""
        n, steps, _ = x.shape
        q, k, v = self.query(x).reshape(n, steps, 3, self.heads, self.head).permute(2, 0, 3, 1, 4).unbind(0)
        hidden = torch.ones(steps, steps, dtype=torch.bool).triu(1)
        share = (q @ k.transpose(-1, -2) * self.head**-0.5).masked_fill(hidden, -1e9).softmax(-1)
        out: Tensor = self.out((share @ v).transpose(1, 2).reshape(n, steps, -1))
        return out


def _normed(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, outputs), nn.LayerNorm(outputs), _Mish())


class _Mish(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * torch.tanh(functional.softplus(x))
