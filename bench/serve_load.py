#!/usr/bin/env python3
"""How `specclip serve` takes load and abuse, over loopback; Python's own library is enough.

    .build/release/specclip serve --port 8080 --rate 0 &
    bench/serve_load.py xp --rate 400 --seconds 60          one Gaia XP spectrum a request, as JSON
    bench/serve_load.py lrs FILE --rate 150 --seconds 60    one FITS file a request, as a form
    bench/serve_load.py slowloris | idle --connections 10000 | upload | bomb | malformed

`xp` and `lrs` are open loops: requests begin at their times, whatever is still running, and a request's time counts from
when it should have begun. `--process PID` tells the server's memory before, after and at the most. Answers other than 200 are
counted by status, connections that fail as `lost`. The others end with exit code 1 where a star can no longer be read while they
last, or afterwards.
"""
import argparse
import asyncio
import collections
import gzip
import json
import math
import os
import random
import resource
import sys
import time


def xp_body():
    """A Gaia XP spectrum as JSON, with errors."""
    wavelength = [3360 + 20 * i for i in range(343)]
    flux = [1 + 0.3 * math.sin(w / 900) for w in wavelength]
    return json.dumps({"spectra": [{"wavelength": wavelength, "flux": flux, "error": [0.01] * 343}]}).encode()


def form(data, name):
    """A file as browsers send it."""
    head = f'--load\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
    return head + data + b"\r\n--load--\r\n"


def request(options, body, kind, path="/v1/predict", close=False):
    token = f"Authorization: Bearer {options.token}\r\n" if options.token else ""
    end = "Connection: close\r\n" if close else ""
    head = f"POST {path} HTTP/1.1\r\nHost: {options.host}:{options.port}\r\nContent-Type: {kind}\r\n{token}{end}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Pool:
    """Connections that stay open; as many as are wanted at once."""

    def __init__(self, options):
        self.options, self.free = options, []

    async def ask(self, message):
        """The status of the answer."""
        while True:
            fresh = not self.free
            reader, writer = await asyncio.open_connection(self.options.host, self.options.port) if fresh else self.free.pop()
            try:
                writer.write(message)
                await writer.drain()
                head = await reader.readuntil(b"\r\n\r\n")
                status = int(head.split(b" ", 2)[1])
                lower = head.lower()
                length = int(lower.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
                await reader.readexactly(length)
            except (OSError, asyncio.IncompleteReadError):
                writer.close()
                # A connection that was closed while it was idle says nothing of the server.
                if fresh:
                    raise
                continue
            except BaseException:
                writer.close()
                raise
            if b"connection: close" in lower:
                writer.close()
            else:
                self.free.append((reader, writer))
            return status


def memory(pid):
    """MiB that a process has now, and had at the most."""
    with open(f"/proc/{pid}/status") as file:
        facts = dict(line.split(":", 1) for line in file)
    return [round(int(facts[name].split()[0]) / 1024) for name in ("VmRSS", "VmHWM")]


async def load(options, message):
    pool, times, errors = Pool(options), [], collections.Counter()
    if options.process:
        print("memory before, MiB (now, most):", *memory(options.process))

    async def one(due):
        try:
            status = await asyncio.wait_for(pool.ask(message), 120)
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError) as error:
            errors[f"lost: {type(error).__name__}"] += 1
            return
        if status == 200:
            times.append(time.perf_counter() - due)
        else:
            errors[str(status)] += 1

    # The first reads what is read once.
    await pool.ask(message)
    count, tasks, start = int(options.rate * options.seconds), set(), time.perf_counter()
    late = 0.0
    for number in range(count):
        due = start + number / options.rate
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        else:
            late = max(late, -wait)
        task = asyncio.create_task(one(due))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        if options.process and number % max(1, int(60 * options.rate)) == 0 and number:
            print(f"memory after {number / options.rate:.0f} s, MiB (now, most):", *memory(options.process), flush=True)
    await asyncio.gather(*tasks)
    seconds = time.perf_counter() - start
    times.sort()
    told = {
        "asked_per_s": options.rate, "answered_per_s": round(len(times) / seconds, 1), "requests": count,
        "p50_ms": round(1000 * times[len(times) // 2], 1) if times else None,
        "p99_ms": round(1000 * times[min(len(times) - 1, int(0.99 * len(times)))], 1) if times else None,
        "worst_ms": round(1000 * times[-1], 1) if times else None, "errors": dict(errors),
        "begun_late_ms": round(1000 * late, 1),
    }
    print(json.dumps(told))
    if options.process:
        print("memory after, MiB (now, most):", *memory(options.process))
    return all(name == "429" for name in errors)


async def is_well(options, what):
    """Whether a star is read, and in which time."""
    start = time.perf_counter()
    try:
        status = await asyncio.wait_for(Pool(options).ask(request(options, xp_body(), "application/json")), 30)
    except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError) as error:
        status = type(error).__name__
    print(f"{what}: a star is answered with {status} in {1000 * (time.perf_counter() - start):.0f} ms", flush=True)
    return status == 200


async def slowloris(options):
    """Heads that come a byte a second."""
    async def drip():
        try:
            _, writer = await asyncio.open_connection(options.host, options.port)
            for byte in b"GET / HTTP/1.1\r\nX-Slow: " + b"y" * 1000:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(1)
        except OSError:
            return 1
        return 0

    count = min(options.connections, 2000)
    tasks = [asyncio.create_task(drip()) for _ in range(count)]
    await asyncio.sleep(5)
    well = await is_well(options, f"{count} slow heads")
    await asyncio.sleep(25)
    ended = sum(task.done() for task in tasks)
    print(f"after 30 s {ended} of {count} were closed")
    for task in tasks:
        task.cancel()
    return well and ended == count and await is_well(options, "afterwards")


async def idle(options):
    """Connections that say nothing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    open_ones, failed = [], 0
    for start in range(0, options.connections, 500):
        some = await asyncio.gather(
            *(asyncio.open_connection(options.host, options.port) for _ in range(min(500, options.connections - start))),
            return_exceptions=True)
        failed += sum(isinstance(one, Exception) for one in some)
        open_ones += [one for one in some if not isinstance(one, Exception)]
    if options.process:
        print("memory, MiB (now, most):", *memory(options.process))
    well = await is_well(options, f"{len(open_ones)} idle connections, {failed} not taken")
    await asyncio.sleep(20)
    closed = sum(reader.at_eof() for reader, _ in open_ones)
    print(f"after 20 s {closed} of {len(open_ones)} were closed")
    for _, writer in open_ones:
        writer.close()
    return well and await is_well(options, "afterwards")


async def upload(options):
    """10 GB, with their length said before and without."""
    well = True
    for head in (b"Content-Length: 10737418240\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"):
        reader, writer = await asyncio.open_connection(options.host, options.port)
        token = f"Authorization: Bearer {options.token}\r\n".encode() if options.token else b""
        writer.write(b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\n" + token
                     + b"Content-Type: multipart/form-data; boundary=load\r\n" + head)
        body = form(b"", "large.fits").split(b"\r\n--load--")[0]
        piece = bytes(1 << 20)
        chunked = b"chunked" in head
        wrap = (lambda data: b"%x\r\n%s\r\n" % (len(data), data)) if chunked else (lambda data: data)
        sent, start, answer = 0, time.perf_counter(), asyncio.create_task(reader.readuntil(b"\r\n"))
        try:
            writer.write(wrap(body))
            while not answer.done() and sent < 10 << 30:
                writer.write(wrap(piece))
                await writer.drain()
                sent += len(piece)
        except OSError:
            pass
        try:
            line = (await asyncio.wait_for(answer, 10)).decode().strip()
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError) as error:
            line = type(error).__name__
        print(f"10 GB{' in chunks' if chunked else ''}: {line} after {sent >> 20} MiB, {time.perf_counter() - start:.1f} s")
        well &= " 413 " in line
        writer.close()
    return well and await is_well(options, "afterwards")


async def bomb(options):
    """10 GB of zeros in 10 MB, beside other requests."""
    def packed():
        import io
        out = io.BytesIO()
        with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=9) as file:
            file.write(b"wavelength,flux\n")
            zeros = b"0" * (1 << 24)
            for _ in range(640):
                file.write(zeros)
        return out.getvalue()

    data = await asyncio.to_thread(packed)
    message = request(options, form(data, "bomb.csv.gz"), "multipart/form-data; boundary=load")
    start = time.perf_counter()
    task = asyncio.create_task(Pool(options).ask(message))
    well = await is_well(options, f"a bomb of {len(data) >> 20} MiB that unpacks to 10 GiB")
    status = await task
    print(f"the bomb: {status} after {time.perf_counter() - start:.1f} s")
    if options.process:
        print("memory, MiB (now, most):", *memory(options.process))
    return well and status == 422 and await is_well(options, "afterwards")


async def malformed(options):
    """Forms cut, mixed up and made up."""
    rng, statuses = random.Random(1), collections.Counter()
    whole = form(b"1,2\n" * 200, "a.csv")
    for number in range(2000):
        body = bytearray(whole)
        for _ in range(rng.randrange(1, 6)):
            place = rng.randrange(len(body))
            match rng.randrange(3):
                case 0: body[place] = rng.randrange(256)
                case 1: del body[place:place + rng.randrange(60)]
                case _: body[place:place] = whole[:rng.randrange(len(whole))]
            if not body:
                body = bytearray(b"x")
        try:
            status = await Pool(options).ask(request(options, bytes(body), "multipart/form-data; boundary=load", close=True))
        except (OSError, asyncio.IncompleteReadError) as error:
            status = type(error).__name__
        statuses[status] += 1
    print("malformed forms:", dict(statuses))
    return set(statuses) <= {200, 400, 413, 422} and await is_well(options, "afterwards")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["xp", "lrs", "slowloris", "idle", "upload", "bomb", "malformed"])
    parser.add_argument("file", nargs="?", help="of lrs")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--token")
    parser.add_argument("--rate", type=float, default=100, help="requests a second")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--process", type=int, help="the server's, whose memory is told")
    options = parser.parse_args()
    if options.what == "xp":
        work = load(options, request(options, xp_body(), "application/json"))
    elif options.what == "lrs":
        if not options.file:
            parser.error("lrs: name a file")
        with open(options.file, "rb") as file:
            body = form(file.read(), os.path.basename(options.file))
        work = load(options, request(options, body, "multipart/form-data; boundary=load"))
    else:
        work = {"slowloris": slowloris, "idle": idle, "upload": upload, "bomb": bomb, "malformed": malformed}[options.what](options)
    sys.exit(0 if asyncio.run(work) else 1)


if __name__ == "__main__":
    main()
