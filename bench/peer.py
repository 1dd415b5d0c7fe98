"""One benchmark in PyTorch, numpy and scipy; prints one JSON line as `specclip bench NAME --json` does.

    peer.py NAME --inputs FOLDER [--threads 2] [--batch N] [--iterations N]
    peer.py inputs --inputs FOLDER          # write the weights and spectra that both sides read

Heavy imports stay inside the functions: `prepare` runs without PyTorch.
"""
import argparse
import json
import os
import resource
import statistics
import time


def inputs(folder, pairs=1024):
    """Random weights of the paper's size and plausible spectra: timings do not depend on the values."""
    import numpy as np
    import torch
    from safetensors.numpy import save_file as save_arrays
    from safetensors.torch import save_file

    import models

    torch.manual_seed(42)
    os.makedirs(folder, exist_ok=True)
    for name, model in (("lrs", models.MaskedTransformer()), ("xp", models.AutoEncoder())):
        save_file(model.state_dict(), os.path.join(folder, f"{name}.safetensors"))
    rng = np.random.default_rng(42)
    wave = 10 ** (3.5682 + 1e-4 * np.arange(3909))  # the grid of LAMOST DR1-DR8 files
    slope, depth = rng.uniform(-2, 2, (64, 1)), rng.uniform(0.1, 0.5, (64, 1))
    flux = 1e3 * (wave / 5500) ** slope * (1 + 0.02 * rng.standard_normal((64, wave.size)))
    for line in (3933.7, 4101.7, 4340.5, 4861.3, 5175.0, 5892.0, 6562.8):
        flux *= 1 - depth * np.exp(-0.5 * ((wave - line) / 6) ** 2)
    pixels = lambda count: (1 + 0.05 * rng.standard_normal((pairs, count))).astype(np.float32)
    save_arrays(
        {"wavelength": wave, "flux": flux, "lrs": pixels(1462), "xp": pixels(343)},
        os.path.join(folder, "spectra.safetensors"),
    )


def timed(work, iterations, warm_up=1):
    """Median seconds of one call."""
    for _ in range(warm_up):
        work()
    seconds = []
    for _ in range(iterations):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def load(model, options, name):
    from safetensors.torch import load_file

    model.load_state_dict(load_file(os.path.join(options.inputs, f"{name}.safetensors")))
    return model.eval()


def spectra(options, name, count):
    from safetensors import safe_open

    with safe_open(os.path.join(options.inputs, "spectra.safetensors"), "pt") as file:
        return file.get_slice(name)[:count]


def prepare(options):
    from safetensors.numpy import load_file

    import continuum

    data = load_file(os.path.join(options.inputs, "spectra.safetensors"))
    rows = data["flux"][: options.batch or 64]
    result = []

    def work():
        result[:] = [continuum.prepare(data["wavelength"], row) for row in rows]

    seconds = timed(work, options.iterations or 3)
    yield "prepare", "spectra/s", len(rows) / seconds, sum(map(float, map(sum, result)))


def embed(options, name, model, count, iterations, unit="spectra/s"):
    import torch

    model = load(model, options, name)
    flux = spectra(options, name, count)
    with torch.inference_mode():
        seconds = timed(lambda: model(flux), iterations)
        check = float(model(flux).double().abs().mean())
    yield options.name, unit, count / seconds, check


def embed_lrs(options, count, iterations):
    import models

    yield from embed(options, "lrs", models.MaskedTransformer(), options.batch or count, options.iterations or iterations)


def embed_xp(options, count, iterations):
    import models

    yield from embed(options, "xp", models.AutoEncoder(), options.batch or count, options.iterations or iterations)


def cold_start(options):
    """From nothing to the embedding of one spectrum; the driver takes the time of the whole process."""
    import torch

    import models

    with torch.device("meta"):
        model = models.MaskedTransformer()
    from safetensors.torch import load_file

    model.load_state_dict(load_file(os.path.join(options.inputs, "lrs.safetensors")), assign=True)
    with torch.inference_mode():
        check = float(model.eval()(spectra(options, "lrs", 1)).double().abs().mean())
    yield "cold-start", "s", time.perf_counter() - STARTED, check


def train_step(parameters, rate, betas, decay, loss):
    import torch

    parameters = [p for p in parameters if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=rate, betas=betas, weight_decay=decay, fused=True)

    def step():
        optimiser.zero_grad(set_to_none=True)
        value = loss()
        value.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        return float(value.detach())

    return step


def pretrain_lrs(options):
    import models

    model = load(models.MaskedTransformer(), options, "lrs").train()
    flux = spectra(options, "lrs", options.batch or 64)
    step = train_step(model.parameters(), 1e-5, (0.9, 0.95), 0.1, lambda: model.masked_loss(flux))
    yield options.name, "s/step", timed(step, options.iterations or 2), step()


def align(options):
    """One step with the features of the frozen backbones at hand, and (--recompute) as the published program does it."""
    import torch

    import models

    count = options.batch or 1024
    recompute = options.name.endswith("recompute")
    lrs, xp = spectra(options, "lrs", count), spectra(options, "xp", count)
    if recompute:
        lrs_backbone = load(models.MaskedTransformer(), options, "lrs").requires_grad_(False)
        xp_backbone = load(models.AutoEncoder(), options, "xp").requires_grad_(False)
    else:
        cached = torch.randn(count, 146, 768), torch.randn(count, 768)

    @torch.no_grad()
    def features():
        # In slices of 64: the whole batch at once would need several times the memory and no less time.
        return (torch.cat([lrs_backbone(part) for part in lrs.split(64)]), xp_backbone(xp)) if recompute else cached

    heads = models.AlignmentHeads().train()
    step = train_step(heads.parameters(), 1e-4, (0.9, 0.999), 0.05, lambda: heads.loss(*features(), lrs, xp))
    iterations = options.iterations or (1 if recompute else 2)
    yield options.name, "s/step", timed(step, iterations, warm_up=0 if recompute else 1), None


def disks_model(width=16):
    """The linear information-ordered bottleneck on images of disks, as the paper's notebooks do it: all widths laid side by
    side and decoded once. Gives its parameters and its loss for a batch of images."""
    import torch
    from torch import nn

    encoder = nn.Sequential(
        nn.Conv2d(1, 12, 4, 2, 1), nn.ReLU(), nn.Conv2d(12, 24, 4, 2, 1), nn.ReLU(), nn.Conv2d(24, 48, 4, 2, 1), nn.ReLU(),
        nn.Flatten(), nn.Linear(768, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, width))
    decoder = nn.Sequential(
        nn.Linear(width, 128), nn.ReLU(), nn.Linear(128, 256), nn.ReLU(), nn.Linear(256, 768), nn.Unflatten(1, (48, 4, 4)),
        nn.ReLU(), nn.ConvTranspose2d(48, 24, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(24, 12, 4, 2, 1), nn.ReLU(),
        nn.ConvTranspose2d(12, 1, 4, 2, 1))
    mask = torch.tril(torch.ones(width + 1, width), -1)

    def loss(images):
        opened = (encoder(images)[:, None] * mask).flatten(0, 1)
        rebuilt = decoder(opened).view(len(images), width + 1, 1, 32, 32)
        return ((rebuilt - images[:, None]) ** 2).mean()

    return [*encoder.parameters(), *decoder.parameters()], loss


def iob_disks(options):
    import torch

    parameters, loss = disks_model()
    images = (torch.rand(options.batch or 64, 1, 32, 32) > 0.92).float()
    step = train_step(parameters, 5e-5, (0.9, 0.999), 0.0, lambda: loss(images))
    yield options.name, "s/step", timed(step, options.iterations or 10), None


def iob_disks_epoch(options):
    """An epoch as the notebooks have it: 8000 images in batches of 64 from a loader, then 1000 to validate on."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    parameters, loss = disks_model()
    images = (torch.rand(9000, 1, 32, 32) > 0.92).float() * 2 - 1
    training = DataLoader(TensorDataset(images[:8000]), batch_size=64, shuffle=True)
    validation = DataLoader(TensorDataset(images[8000:]), batch_size=128)

    current = images[:64]
    step = train_step(parameters, 5e-5, (0.9, 0.999), 0.0, lambda: loss(current))

    def epoch():
        nonlocal current
        for (current,) in training:
            step()
        with torch.no_grad():
            return sum(float(loss(batch)) for (batch,) in validation)

    # A few steps warm up well enough: an epoch is long.
    for _ in range(3):
        step()
    yield options.name, "s/epoch", timed(epoch, options.iterations or 1, warm_up=0), None


TASKS = {
    "inputs": lambda options: inputs(options.inputs) or [],
    "prepare": prepare,
    "embed-lrs-1": lambda options: embed_lrs(options, 1, 10),
    "embed-lrs-64": lambda options: embed_lrs(options, 64, 2),
    "embed-xp-64": lambda options: embed_xp(options, 64, 10),
    "pretrain-lrs-64": pretrain_lrs,
    "align-1024": align,
    "align-1024-recompute": align,
    "cold-start": cold_start,
    "iob-disks-64": iob_disks,
    "iob-disks-epoch": iob_disks_epoch,
    "peak-embed-lrs-64": lambda options: embed_lrs(options, 64, 1),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=TASKS)
    parser.add_argument("--inputs", required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, help="another batch size than the benchmark's name says (for trying out)")
    parser.add_argument("--iterations", type=int)
    parser.add_argument("--json", action="store_true", help="accepted for symmetry: the output is always JSON")
    options = parser.parse_args()
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(options.threads)
    for name, unit, value, check in TASKS[options.name](options):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        if name.startswith("peak-"):
            unit, value = "MiB", peak
        print(json.dumps({"name": name, "unit": unit, "value": value, "peak_mib": peak, "check": check}))


STARTED = time.perf_counter()
if __name__ == "__main__":
    main()
