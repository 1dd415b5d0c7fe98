#!/usr/bin/env python3
"""Which density suits spectra: mixtures of Gaussians, spline flows and flow matching, on the same numbers of the same stars.

    python3 -m venv bench/venv-density && bench/venv-density/bin/pip install torch==2.11.0 numpy h5py safetensors zuko==1.4.0
    bench/venv-density/bin/python bench/spectrum_density.py xp.h5 [--model Models/specclip-small-spectra.safetensors] [--output FILE.json]

A Gaia XP spectrum is 24 numbers of the shipped model's components (docs/spectra.md), found by weighted least squares. Each density
learns p(numbers | labels), with those labels that a star has, from the training stars with S/N above 60, whose numbers are known well;
one in ten decides when to stop. On the test stars of the same S/N: log likelihood in nats, energy score relative to the spread (small
is good), the share of all numbers within the central 68 and 95 % of their samples, and of random sums of them (right only where
correlations are), and the seconds of training and of 1,000 samples a star. Flow matching (Lipman et al. 2023, ICLR) gives samples
by 40 midpoint steps, and no likelihood without integrating its divergence. Networks: three hidden layers of 256, AdamW 1e-3 with
cosine decay, batches of 256; flows of zuko (neural spline flow, 4 transforms).
"""
import argparse
import json
import pathlib
import time

import h5py
import numpy as np
import torch
import zuko
from safetensors.torch import load_file
from torch import nn

ROOT = pathlib.Path(__file__).resolve().parent.parent
LABELS = ["teff", "logg", "fe_h", "alpha_m", "a_k"]
SAMPLES = 500


def numbers(flux, ivar, basis):
    """The numbers of spectra by weighted least squares in the flux, and their signal to noise."""
    mean, components = basis["mean"], basis["components"]
    z = torch.zeros(len(flux), len(components))
    for _ in range(12):
        expected = (mean + z @ components).clamp(-9, 9).exp()
        weight = (ivar > 0) / (basis["noise_factor"] / ivar.clamp(1e-12) + basis["remainder"] * expected ** 2)
        matrix = torch.einsum("np,kp,lp->nkl", weight * expected ** 2, components, components) + 0.1 * torch.eye(len(components))
        slope = (weight * expected * (flux - expected)) @ components.T - 0.1 * z
        z = z + torch.linalg.solve(matrix, slope[..., None])[..., 0].clamp(-1.5, 1.5)
    return z


def stars(data, split, basis):
    with h5py.File(data) as file:
        part = file[split]
        flux = torch.tensor(part["gaia_spectra"][()][..., 0], dtype=torch.float32)
        ivar = torch.tensor(part["gaia_ivar"][()], dtype=torch.float32)
        labels = np.stack([part["labels"][name][()] for name in LABELS], 1)
        bright = torch.tensor(part["labels"]["snr"][()] > 60)
    labels[:, 0] = np.log10(labels[:, 0])
    return numbers(flux[bright], ivar[bright], basis), torch.tensor(labels, dtype=torch.float32)[bright]


class Mixture(nn.Module):
    """A mixture of Gaussians with full covariances."""

    def __init__(self, context, size, count):
        super().__init__()
        self.size, self.count = size, count
        self.triangle = torch.tril_indices(size, size, -1)
        self.net = mlp(context, count * (1 + 2 * size + self.triangle.shape[1]))
        nn.init.normal_(self.net[-1].weight, std=0.01)

    def density(self, c):
        out = self.net(c).view(len(c), self.count, -1)
        weight, centre, spread, lower = out.split([1, self.size, self.size, self.triangle.shape[1]], -1)
        # The inverse of the covariance's root: its diagonal is that of precisions.
        root = torch.diag_embed(spread.clamp(-6, 6).exp())
        root[..., self.triangle[0], self.triangle[1]] = lower
        return weight[..., 0].log_softmax(-1), centre, root, spread.clamp(-6, 6).sum(-1)

    def loss(self, z, c):
        return -self.log_prob(z, c).mean()

    def log_prob(self, z, c):
        weight, centre, root, scale = self.density(c)
        off = (root @ (z[:, None] - centre)[..., None])[..., 0]
        return torch.logsumexp(weight + scale - 0.5 * (off ** 2).sum(-1) - 0.5 * self.size * np.log(2 * np.pi), -1)

    def sample(self, c, count):
        weight, centre, root, _ = self.density(c)
        chosen = torch.distributions.Categorical(logits=weight).sample((count,)).T
        rows = torch.arange(len(c))[:, None]
        noise = torch.randn(len(c), count, self.size, 1)
        return centre[rows, chosen] + torch.linalg.solve_triangular(root[rows, chosen], noise, upper=False)[..., 0]


class Spline(nn.Module):
    def __init__(self, context, size):
        super().__init__()
        self.flow = zuko.flows.NSF(size, context, transforms=4, hidden_features=(256, 256, 256))

    def loss(self, z, c):
        return -self.flow(c).log_prob(z).mean()

    def log_prob(self, z, c):
        return self.flow(c).log_prob(z)

    def sample(self, c, count):
        return self.flow(c).sample((count,)).transpose(0, 1)


class Matching(nn.Module):
    def __init__(self, context, size):
        super().__init__()
        self.size, self.net = size, mlp(context + size + 1, size)

    def loss(self, z, c):
        start, t = torch.randn_like(z), torch.rand(len(z), 1)
        return ((self.net(torch.cat([t * z + (1 - t) * start, c, t], 1)) - (z - start)) ** 2).sum(1).mean()

    def sample(self, c, count, steps=40):
        c = c.repeat_interleave(count, 0)
        x = torch.randn(len(c), self.size)
        for step in range(steps):
            def slope(x, t):
                return self.net(torch.cat([x, c, torch.full((len(x), 1), t)], 1))
            x = x + slope(x + slope(x, step / steps) / (2 * steps), (step + 0.5) / steps) / steps
        return x.view(-1, count, self.size)


def mlp(inputs, outputs):
    return nn.Sequential(nn.Linear(inputs, 256), nn.SiLU(), nn.Linear(256, 256), nn.SiLU(), nn.Linear(256, 256), nn.SiLU(),
                         nn.Linear(256, outputs))


def learned(model, train, steps):
    z, c = train
    held = torch.arange(len(z)) % 10 == 0
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    best, state = np.inf, None
    for step in range(steps):
        rows = torch.randint(0, int((~held).sum()), (256,))
        known = c[~held][rows].clone()
        loss = model.loss(z[~held][rows], known)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5)
        optimiser.step()
        schedule.step()
        if step % 200 == 199:
            with torch.no_grad():
                torch.manual_seed(step)
                now = np.mean([float(model.loss(z[held], c[held])) for _ in range(1 if hasattr(model, "log_prob") else 8)])
            if now < best:
                best, state = now, {key: value.clone() for key, value in model.state_dict().items()}
    model.load_state_dict(state)
    return model


def scores(model, z, c):
    with torch.no_grad():
        own = float(model.log_prob(z, c).mean()) if hasattr(model, "log_prob") else None
        some = torch.arange(0, len(z), max(1, len(z) // 500))[:500]
        z, c = z[some], c[some]
        begun = time.perf_counter()
        drawn = torch.cat([model.sample(part, SAMPLES) for part in c.split(50)])
        seconds = time.perf_counter() - begun
    first, second = drawn[:, : SAMPLES // 2], drawn[:, SAMPLES // 2:]
    near = (drawn - z[:, None]).norm(dim=-1).mean(1) - 0.5 * (first - second).norm(dim=-1).mean(1)
    sums = torch.randn(z.shape[1], 16, generator=torch.Generator().manual_seed(1))
    result = {"log L": own, "energy": float(near.mean() / (z - z.mean(0)).norm(dim=1).mean())}
    for what, (a, b) in {"numbers": (drawn, z), "sums": (drawn @ sums, z @ sums)}.items():
        below = (a < b[:, None]).float().mean(1)
        for level in (0.68, 0.95):
            result[f"{what} in {level:.0%}"] = float(((below - 0.5).abs() < level / 2).float().mean())
    result["s for 1,000 samples a star"] = seconds / len(z) * 1000 / SAMPLES
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--model", type=pathlib.Path, default=ROOT / "Models/specclip-small-spectra.safetensors")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--densities", help="those alone, separated by commas, such as 'spline flow,flow matching'")
    parser.add_argument("--output", type=pathlib.Path)
    options = parser.parse_args()
    prefix = "spectra.gaia_xp.basis."
    basis = {key[len(prefix):]: value.float() for key, value in load_file(options.model).items() if key.startswith(prefix)}
    (z, labels), (test, answers) = (stars(options.data, split, basis) for split in ("train", "test"))
    known = labels.isfinite()
    centre = torch.stack([labels[:, i][known[:, i]].mean() for i in range(len(LABELS))])
    spread = torch.stack([labels[:, i][known[:, i]].std() for i in range(len(LABELS))])

    def context(labels):
        known = labels.isfinite()
        return torch.cat([torch.where(known, (labels - centre) / spread, 0.0), known.float()], 1)

    c, answered = context(labels), context(answers)
    print(f"{len(z)} stars to learn from, {len(test)} to judge by, {z.shape[1]} numbers each")
    makes = {f"{count} Gaussians": lambda count=count: Mixture(c.shape[1], z.shape[1], count) for count in (1, 4, 8, 16)}
    makes |= {"spline flow": lambda: Spline(c.shape[1], z.shape[1]), "flow matching": lambda: Matching(c.shape[1], z.shape[1])}
    report = {}
    for name, make in makes.items():
        if options.densities and name not in options.densities.split(","):
            continue
        torch.manual_seed(1)
        begun = time.perf_counter()
        model = learned(make(), (z, c), options.steps)
        seconds = time.perf_counter() - begun
        report[name] = {**scores(model, test, answered), "s to learn": seconds}
        print(f"{name:14s}" + "  ".join(f"{key} {value:.4g}" for key, value in report[name].items() if value is not None), flush=True)
    if options.output:
        options.output.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
