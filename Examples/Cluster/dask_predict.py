#!/usr/bin/env python3
"""Labels of a survey by LSDB and Dask: each worker loads the model once and reads partition after partition.

    dask_predict.py survey.hats labels --workers 8 [--scheduler tcp://HOST:8786]

Without --scheduler a LocalCluster is started here. A worker that dies is replaced, and its partition is read again.
"""
import argparse
import os
import pathlib
import signal
import threading
import time

import lsdb
import specclip
from dask.distributed import Client, LocalCluster


def kill_one(client, done):
    """Ends a worker in the middle of the work, as a node may."""
    while not done.is_set():
        busy = [address for address, tasks in client.processing().items() if tasks]
        if busy and client.scheduler_info()["workers"]:
            process = client.run(os.getpid, workers=busy[:1])[busy[0]]
            os.kill(process, signal.SIGKILL)
            print(f"killed worker {busy[0]}", flush=True)
            return
        time.sleep(0.05)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("survey", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--scheduler", help="of a cluster that is running")
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--kill-one", action="store_true", help="end a worker on the way, to try it")
    given = parser.parse_args()
    cluster = given.scheduler or LocalCluster(n_workers=given.workers, threads_per_worker=1)
    with Client(cluster) as client:
        survey = lsdb.open_catalog(given.survey, columns=["source_id", "ra", "dec", "spectrum"])
        options = {"draws": given.draws, "wavelength_unit": "nm"}
        labels = survey.map_partitions(specclip.predict, meta=specclip.meta(draws=given.draws), **options)
        done = threading.Event()
        if given.kill_one:
            threading.Thread(target=kill_one, args=(client, done), daemon=True).start()
        start = time.time()
        labels.write_catalog(given.output, catalog_name=given.output.name, as_collection=False)
        done.set()
        print(f"{given.output}: {time.time() - start:.0f} s on {len(client.scheduler_info()['workers'])} workers")


if __name__ == "__main__":
    main()
