"""What the process has imported that all runs are forked from (see processes.py). Importing this is all it does: no
threads, so that it can be forked, and no connections.

Whatever a killed run leaves running becomes a child of that process, so it can be found."""

import ctypes
import os
import warnings

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # its threads would not live through a fork

import boto3  # noqa: F401
import psycopg  # noqa: F401
import pytest  # noqa: F401  (a forked process looks at the program that began it all, which imports this)

import etna_pipelines.anonymise.engine
import etna_pipelines.anonymise.proof.proof
import etna_pipelines.anonymise.rules.rules
import etna_pipelines.feature_steps
import etna_pipelines.integrity_steps
import etna_pipelines.push_steps
import etna_pipelines.retention_steps
import etna_pipelines.snapshots.subset
import etna_pipelines.stores.s3  # noqa: F401

PR_SET_CHILD_SUBREAPER = 36

warnings.simplefilter("ignore")  # multiprocessing wonders about children that it did not start
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
