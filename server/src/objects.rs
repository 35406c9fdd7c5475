//! The object stores: a folder of this machine, or a bucket of an S3 service.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use object_store::{ObjectStore, aws::AmazonS3Builder, local::LocalFileSystem, prefix::PrefixStore};

use crate::config::{Config, Objects, S3};

/// Opens the place where files, or backups, are kept: what is written there is on the disk before anything says that it is there.
pub(crate) fn store(objects: &Objects) -> anyhow::Result<Arc<dyn ObjectStore>> {
    match objects {
        // Folders of owners whose files are all gone go with them.
        Objects::Folder(folder) => {
            let folder = self::folder(folder)?.with_automatic_cleanup(true);
            Ok(Arc::new(folder.with_fsync(true)))
        }
        Objects::S3(s3) => bucket(s3),
    }
}

/// The place that somebody names: a folder, or `s3://bucket/prefix` of the service that `SPENDLOG_S3_…` name.
pub(crate) fn objects_at(config: &Config, place: &str) -> anyhow::Result<Objects> {
    let Some(name) = place.strip_prefix("s3://") else {
        return Ok(Objects::Folder(PathBuf::from(place)));
    };
    let service = config.s3.as_ref();
    let service =
        service.context("for s3://…, SPENDLOG_S3_ACCESS_KEY_ID and SPENDLOG_S3_SECRET_ACCESS_KEY must be set")?;
    let s3 = service.bucket(name);
    Ok(Objects::S3(s3.with_context(|| {
        format!("{place} names no bucket: s3://bucket/prefix")
    })?))
}

/// The store at a place that somebody names for an export; a folder is made where it is not there. Unlike in [`store`], what is
/// written need not be on the disk at once, since an export can be made again, and no empty folders are removed.
pub(crate) fn store_at(config: &Config, place: &str) -> anyhow::Result<Arc<dyn ObjectStore>> {
    match objects_at(config, place)? {
        Objects::Folder(path) => Ok(Arc::new(folder(&path)?)),
        Objects::S3(s3) => bucket(&s3),
    }
}

fn folder(folder: &Path) -> anyhow::Result<LocalFileSystem> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    Ok(LocalFileSystem::new_with_prefix(folder)?)
}

fn bucket(s3: &S3) -> anyhow::Result<Arc<dyn ObjectStore>> {
    let service = &s3.service;
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&s3.bucket)
        .with_region(&service.region)
        .with_access_key_id(&service.access_key_id)
        .with_secret_access_key(service.secret_access_key.reveal());
    if let Some(endpoint) = &service.endpoint {
        builder = builder
            .with_endpoint(endpoint)
            .with_allow_http(endpoint.starts_with("http://"));
    }
    let bucket = builder.build().context("the S3 service can't be used")?;
    if s3.prefix.is_empty() {
        Ok(Arc::new(bucket))
    } else {
        Ok(Arc::new(PrefixStore::new(bucket, s3.prefix.as_str())))
    }
}
