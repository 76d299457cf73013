"""Gnocchi as its own processes run it, but for HTTP and the index: measures go through its incoming driver and its storage
driver, both on files in a directory of their own, and are read back by its storage driver."""

import types
import uuid

import numpy
from gnocchi import archive_policy
from gnocchi import utils
from gnocchi.incoming import file as incoming_file
from gnocchi.storage import file as storage_file


class Index:
    """What processing tells the index: dates of a metric, which no answer shows."""

    def update_needs_raw_data_truncation(self, metric_id):
        pass

    def update_last_measure_timestamp(self, metric_id):
        pass


class Metric:
    """What storage asks of a metric that the index would hold."""

    needs_raw_data_truncation = False
    resource_id = None

    def __init__(self, policy):
        self.id = uuid.uuid4()
        self.archive_policy = policy


def ns(count):
    return numpy.timedelta64(count, "ns")


class Gnocchi:
    def __init__(self, directory):
        numpy.seterr(all="ignore")
        # Its option parallel_operations: threads cost more than these small files do.
        utils.parallel_map.MAX_WORKERS = 1
        configured = types.SimpleNamespace(file_basepath=str(directory / "incoming"), file_subdir_len=2)
        self.incoming = incoming_file.FileStorage(configured)
        self.incoming.upgrade(1)
        configured = types.SimpleNamespace(file_basepath=str(directory / "storage"), file_subdir_len=2)
        self.storage = storage_file.FileStorage(configured)
        self.storage.upgrade()

    def metric(self, series):
        definition = [
            archive_policy.ArchivePolicyItem(granularity=ns(granularity), points=points)
            for granularity, points in series["archives"]
        ]
        policy = archive_policy.ArchivePolicy("p", series["back_window"], definition, series["methods"])
        return Metric(policy)

    def push(self, metric, timestamps, values):
        """One batch, processed at once."""
        stamps = numpy.array(timestamps, dtype="datetime64[ns]")
        self.incoming.add_measures(metric.id, list(zip(stamps, values)))
        with self.incoming.process_measure_for_metrics([metric.id]) as measures:
            self.storage.add_measures_to_metrics({metric: measures[metric.id]}, Index())

    def answer(self, metric, query):
        """For each method of the query, timestamps in ns and values."""
        granularity = ns(query["granularity"])
        aggregations = [metric.archive_policy.get_aggregation(method, granularity) for method in query["methods"]]
        begin, end = (None if t is None else numpy.datetime64(t, "ns") for t in (query["from"], query["to"]))
        resample = query["resample"]
        if isinstance(resample, int):
            resample = ns(resample)
        answers = self.storage.get_aggregated_measures({metric: aggregations}, begin, end, resample)[metric]
        for aggregation in aggregations:
            points = answers[aggregation]
            yield points.timestamps.astype("int64").tolist(), points.values.tolist()
