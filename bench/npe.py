#!/usr/bin/env python3
"""Posteriors by `specclip npe` beside sbi's NPE: the same simulations, the same sizes, one run.

    bench/npe.py [--tool .build/release/specclip] [--tasks two-moons] [--kinds maf] [--output bench/npe.json]

Both sides learn from 10 000 simulations with sbi's defaults and are judged on 2000 others: mean negative log density of
the true parameters in nats (lower is better), and the median time of 10 000 samples for one observation. The first run
makes bench/venv-npe. Ends with status 1 where our density is more than 0.05 nat worse, 10 000 samples take 50 ms, or sbi
is less than 20 times slower. See bench/README.md for the columns.
"""
import argparse
import contextlib
import io
import json
import os
import pathlib
import platform
import statistics
import sys
import tempfile
import time

from run import HERE, ROOT, machine, output, prepare_venv, text, write

VENV = HERE / "venv-npe"
REQUIREMENTS = ["sbi==0.26.1", "torch==2.11.0"]
SIMULATIONS, HELD_OUT, SAMPLES, OBSERVATIONS, THREADS = 10_000, 2000, 10_000, 20, 2
WORSE, SECONDS, RATIO = 0.05, 0.05, 20

if __name__ == "__main__" and pathlib.Path(sys.prefix) != VENV:
    # Under the Python of the venv from here on; help needs none.
    if {"-h", "--help"}.isdisjoint(sys.argv):
        prepare_venv(VENV, REQUIREMENTS, "sbi and PyTorch (a download of some 2 GB)")
        python = str(VENV / "bin" / "python")
        os.execv(python, [python, *sys.argv])
else:
    import numpy as np
    import torch
    from sbi.inference import NPE
    from sbi.utils import BoxUniform


class GaussianLinear:
    """sbibm's: theta ~ N(0, 0.1) in ten dimensions, x ~ N(theta, 0.1)."""
    variance, size = 0.1, 10

    def prior(self):
        return torch.distributions.MultivariateNormal(torch.zeros(self.size), self.variance * torch.eye(self.size))

    def simulate(self, theta):
        return theta + self.variance**0.5 * torch.randn_like(theta)

    def nll(self, theta, x):
        """Of the true posterior, N(x / 2, 0.05)."""
        posterior = torch.distributions.Normal(x / 2, (self.variance / 2) ** 0.5)
        return -posterior.log_prob(theta).sum(1).mean().item()


class TwoMoons:
    """sbibm's: two crescents."""

    def prior(self):
        return BoxUniform(-torch.ones(2), torch.ones(2))

    def simulate(self, theta):
        angle = np.pi * (torch.rand(len(theta)) - 0.5)
        radius = 0.1 + 0.01 * torch.randn(len(theta))
        moon = torch.stack([radius * angle.cos() + 0.25, radius * angle.sin()], 1)
        shift = torch.stack([-(theta[:, 0] + theta[:, 1]).abs(), theta[:, 1] - theta[:, 0]], 1)
        return moon + shift / 2**0.5

    def nll(self, theta, x):
        return None


TASKS = {"gaussian-linear": GaussianLinear(), "two-moons": TwoMoons()}


def main():
    options = arguments()
    if not pathlib.Path(options.tool).exists():
        sys.exit(f"npe: {options.tool} is not there; run: make build")
    torch.set_num_threads(THREADS)
    print(f"{'':20}{'NLL of held-out pairs, nats':30}{'10 000 samples, ms':30}{'training, s':>14}")
    print(f"{'':20}{'ours':>8}{'sbi':>8}{'exact':>8}{'':6}{'ours':>8}{'sbi':>8}{'net':>8}{'ratio':>8}{'ours':>8}{'sbi':>6}")
    results = []
    for name in options.tasks:
        for kind in options.kinds:
            results.append(compare(name, kind, options.tool))
            print(line(results[-1]), flush=True)
    short = [f"{one['task']} {one['kind']}: {what}" for one in results for what in one["short"]]
    print("\n".join(f"short: {what}" for what in short) or "nothing falls short")
    if options.output:
        facts = {"versions": versions(), "machine": machine(), "threads": THREADS, "results": results}
        write(facts, pathlib.Path(options.output))
    return 1 if short else 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", default=str(ROOT / ".build/release/specclip"))
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--kinds", nargs="+", default=["maf", "nsf"], choices=["maf", "nsf"])
    parser.add_argument("--output", help="write JSON there (default: print only)")
    return parser.parse_args()


def compare(name, kind, tool):
    task = TASKS[name]
    torch.manual_seed(1)
    prior = task.prior()
    theta = prior.sample((SIMULATIONS + HELD_OUT,))
    x = task.simulate(theta)
    seen, unseen = (theta[:SIMULATIONS], x[:SIMULATIONS]), (theta[SIMULATIONS:], x[SIMULATIONS:])
    theirs = sbi(prior, kind, seen, unseen)
    ours = specclip(kind, seen, unseen, tool)
    ratio = theirs["seconds"] / ours["seconds"]
    short = []
    if not ours["nll"] <= theirs["nll"] + WORSE:
        short.append(f"density {ours['nll'] - theirs['nll']:.3f} nat worse than sbi's")
    if not ours["seconds"] < SECONDS:
        short.append(f"{SAMPLES} samples take {1e3 * ours['seconds']:.0f} ms")
    if not ratio >= RATIO:
        short.append(f"sampling {ratio:.1f} times as fast as sbi")
    return {
        "task": name, "kind": kind, "specclip": ours, "sbi": theirs, "exact_nll": task.nll(*unseen), "ratio": ratio,
        "short": short,
    }


def sbi(prior, kind, seen, unseen):
    torch.manual_seed(2)
    start = time.perf_counter()
    inference = NPE(prior=prior, density_estimator=kind, show_progress_bars=False)
    with contextlib.redirect_stdout(io.StringIO()):
        estimator = inference.append_simulations(*seen).train()
    training = time.perf_counter() - start
    posterior = inference.build_posterior(estimator)
    with torch.no_grad():
        nll = -estimator.log_prob(unseen[0][None], condition=unseen[1]).mean().item()
        # As users draw, from the posterior, and from the network alone, without its check of the prior.
        observations = unseen[1][:OBSERVATIONS]
        seconds = median(observations, lambda one: posterior.sample((SAMPLES,), x=one, show_progress_bars=False))
        network = median(observations, lambda one: estimator.sample((SAMPLES,), condition=one[None]))
    return {"nll": nll, "seconds": seconds, "network_seconds": network, "training_seconds": training}


def median(observations, draw):
    draw(observations[0])
    seconds = []
    for one in observations:
        start = time.perf_counter()
        draw(one)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def specclip(kind, seen, unseen, tool):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        files = {name: folder / f"{name}.npz" for name in ("train", "test", "stars", "density", "samples")}
        for name, (theta, x) in {"train": seen, "test": unseen, "stars": [part[:OBSERVATIONS] for part in unseen]}.items():
            np.savez(files[name], theta=theta.numpy(), x=x.numpy())
        model = folder / "posterior.safetensors"
        threads = ["--device", "cpu", "--threads", str(THREADS)]
        start = time.perf_counter()
        output([tool, "npe", "train", files["train"], "--kind", kind, "-o", model, *threads])
        training = time.perf_counter() - start
        output([tool, "npe", "density", model, files["test"], "-o", files["density"], *threads])
        draw = ["--samples", SAMPLES, "-o", files["samples"], "--json", *threads]
        report = json.loads(output([tool, "npe", "sample", model, files["stars"], *draw]))
        return {
            "nll": -float(np.load(files["density"])["log_density"].mean()), "seconds": report["secondsPerObservation"],
            "training_seconds": training,
        }


def line(result):
    ours, theirs, exact = result["specclip"], result["sbi"], result["exact_nll"]
    nll = f"{ours['nll']:8.3f}{theirs['nll']:8.3f}" + (f"{exact:8.3f}" if exact is not None else f"{'':8}")
    seconds = "".join(f"{1e3 * one:8.1f}" for one in (ours["seconds"], theirs["seconds"], theirs["network_seconds"]))
    training = f"{ours['training_seconds']:8.0f}{theirs['training_seconds']:6.0f}"
    return f"{result['task'] + ' ' + result['kind']:20}{nll}{'':6}{seconds}{result['ratio']:8.1f}{training}"


def versions():
    found = dict(requirement.split("==") for requirement in REQUIREMENTS)
    specclip = text(["git", "-C", str(ROOT), "describe", "--always", "--dirty"])
    return {**found, "numpy": np.__version__, "python": platform.python_version(), "specclip": specclip}


if __name__ == "__main__":
    sys.exit(main())
