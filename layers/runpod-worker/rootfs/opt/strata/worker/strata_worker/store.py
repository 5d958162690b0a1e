"""S3-compatible storage for results."""

from __future__ import annotations

import re
from pathlib import Path

import boto3
from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from .settings import Bucket


class StoreError(Exception):
    """The storage did not take a file; the message says why."""


class Store:
    """One bucket. Its calls wait for the network."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._client = boto3.session.Session().client(
            "s3",
            endpoint_url=bucket.endpoint,
            region_name=bucket.region,
            aws_access_key_id=bucket.key_id,
            aws_secret_access_key=bucket.secret,
            config=Config(
                signature_version="s3v4",
                retries={"mode": "standard", "max_attempts": 5},
                connect_timeout=10,
                read_timeout=60,
                # Not every storage has a name for each bucket, or knows the newer checksums.
                s3={"addressing_style": "path" if bucket.endpoint else "auto"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    def key(self, job: str, name: str) -> str:
        """The name in the bucket: prefix, job, file."""
        safe = re.sub(r"[^A-Za-z0-9._-]", "_", job)
        return "/".join(part for part in (self._bucket.prefix, safe, name) if part)

    def put(self, file: Path, key: str, media_type: str) -> str:
        """Stores a file and returns an address that works for a while without a login; raises StoreError."""
        name = self._bucket.name
        try:
            self._client.upload_file(str(file), name, key, ExtraArgs={"ContentType": media_type})
            url: str = self._client.generate_presigned_url(
                "get_object", Params={"Bucket": name, "Key": key}, ExpiresIn=self._bucket.url_seconds
            )
        except (Boto3Error, BotoCoreError, ClientError) as error:
            raise StoreError(f"The storage did not take {key} into the bucket {name}: {error}") from error
        return url
